"""One process per piece of work."""

from pathlib import Path

import pytest

from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.lock import DEFAULT_DIRECTORY, only_one, state_directory


def test_a_second_holder_is_refused_and_the_next_one_is_not(tmp_path: Path):
    with (
        only_one(tmp_path, "storage-hot"),
        pytest.raises(UnavailableError, match="another storage-hot"),
        only_one(tmp_path, "storage-hot"),
    ):
        pass
    with only_one(tmp_path, "storage-hot"):
        pass


def test_a_missing_directory_is_named(tmp_path: Path):
    with pytest.raises(ConfigurationError, match="STATE_DIRECTORY"), only_one(tmp_path / "none", "storage-hot"):
        pass


def test_the_service_managers_directory_wins():
    assert state_directory({"STATE_DIRECTORY": "/a:/b"}) == Path("/a")
    assert state_directory({}) == DEFAULT_DIRECTORY
