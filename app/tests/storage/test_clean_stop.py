"""Only a clean stop of this boot counts, and only once."""

from pathlib import Path

import pytest

from marketprism.storage.clean_stop import CleanStop, boot_id


def test_a_mark_counts_once(tmp_path: Path):
    assert not CleanStop(tmp_path, "a").take(), "the first start ever"
    CleanStop(tmp_path, "a").leave()
    assert CleanStop(tmp_path, "a").take()
    assert not CleanStop(tmp_path, "a").take(), "no clean stop since"


def test_the_mark_of_another_boot_does_not_count(tmp_path: Path):
    CleanStop(tmp_path, "a").leave()
    assert not CleanStop(tmp_path, "b").take()


def test_the_boot_is_named_by_the_unit_else_by_the_kernel():
    kernel = boot_id({})
    assert len(kernel) == 32
    assert boot_id({"BOOT_ID": kernel}) == kernel


@pytest.mark.parametrize("name", ["0f8f1b1e-3b2a-4b3c-9c7e-1a2b3c4d5e6f", "0f8f1b1e3b2a4b3c9c7e1a2b3c4d5e6f"])
def test_both_spellings_are_one_boot(name: str):
    assert boot_id({"BOOT_ID": name}) == "0f8f1b1e3b2a4b3c9c7e1a2b3c4d5e6f"
