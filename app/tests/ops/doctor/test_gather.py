"""One source that hangs or breaks is named, and hides no other; the real servers are in tests/integration."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketprism.ops.doctor import gather, site
from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.gather import Gatherer
from marketprism.ops.doctor.site import Site

HERE = Site(is_here=True, units=(), endpoints={}, settings=None)


@pytest.fixture
def backups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The link to the directory of the backups; nothing else of this machine takes time."""
    link = tmp_path / "backups"
    monkeypatch.setattr(site, "BACKUPS", link)
    monkeypatch.setattr(gather, "SAMPLE_SECONDS", 0.01)
    monkeypatch.setattr(gather.surroundings, "find_clone", lambda: None)
    return link


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    released = threading.Event()
    monkeypatch.setattr(gather.surroundings, "backup_age", lambda _link: released.wait(30))
    yield
    released.set()


def look() -> Evidence:
    return asyncio.run(Gatherer().gather(HERE))


def test_the_backups_are_looked_at(backups: Path) -> None:
    backups.symlink_to(backups.parent)
    seen = look()
    assert seen.backup_age == pytest.approx(0, abs=60)
    assert seen.unseen == {}


def test_backups_that_are_no_directory_are_unseen(backups: Path) -> None:
    file = backups.with_name("file")
    file.touch()
    backups.symlink_to(file)
    seen = look()
    assert seen.unseen == {"backup": f"[Errno 20] Not a directory: '{backups}'"}
    assert seen.memory is not None


@pytest.mark.usefixtures("hung", "backups")
def test_a_disk_of_backups_that_hangs_costs_its_deadline_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "DEADLINE_SECONDS", 2.0)
    started = time.monotonic()
    seen = look()
    assert time.monotonic() - started < 10
    assert seen.unseen == {"backup": "no answer within 2 s"}
