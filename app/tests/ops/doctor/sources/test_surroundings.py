"""Names, backups and the clone."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from marketprism.ops.doctor.sources import surroundings
from marketprism.ops.manifest import ID_FORMAT
from marketprism.settings import Settings


def test_only_names_of_enabled_venues_are_resolved() -> None:
    venue = {"ws_url": "ws://10.98.0.10:8190/spot", "rest_url": "https://api.example.com", "symbols": ("BTC-USDT",)}
    off = {name: {"enabled": False} for name in ("binance-usdm", "okx-spot", "okx-swap", "deribit")}
    assert surroundings.hosts(Settings(venues=off | {"binance-spot": venue}).venues) == ["api.example.com"]


def test_a_name_that_does_not_exist_is_told_with_the_reason() -> None:
    assert surroundings.resolve("localhost") == ""
    assert surroundings.resolve("host.invalid") != ""


def test_the_age_of_the_backups_is_that_of_the_newest_that_is_complete(tmp_path: Path) -> None:
    link, target = tmp_path / "backups", tmp_path / "disk"
    assert surroundings.backup_age(link) is None
    link.symlink_to(target)
    since = time.time_ns() // 1_000_000_000 - 7200
    os.utime(link, (since, since), follow_symlinks=False)
    assert surroundings.backup_age(link) == pytest.approx(7200, abs=5), "wanted, and the disk is not even mounted"
    target.mkdir()
    for hours in (30, 1):
        made = datetime.now(UTC) - timedelta(hours=hours)
        (target / f"{made:{ID_FORMAT}}.json").touch()
    (target / f".{datetime.now(UTC):{ID_FORMAT}}.json").touch()
    for name in ("2026-notes.json", "20269999T000000Z.json", f"{datetime.now(UTC):{ID_FORMAT}}.log"):
        (target / name).touch()
    assert surroundings.backup_age(link) == pytest.approx(3600, abs=5)


def test_a_script_without_its_bit_is_found(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name, mode in (("good.sh", 0o755), ("bad.sh", 0o644)):
        (scripts / name).write_text("")
        (scripts / name).chmod(mode)
    clone = surroundings.look_at_clone(tmp_path)
    assert clone.not_executable == (f"{scripts}/bad.sh has mode 644",)


def test_pythons_are_told_by_what_they_print(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho Python 3.9.2\n")
    python.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert surroundings.look_at_clone(tmp_path).pythons["python3"] == (3, 9)


@pytest.mark.skipif(os.geteuid() == 0, reason="root needs no sudo")
def test_a_user_without_sudo_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "sudo is not installed" in surroundings.look_at_clone(tmp_path).sudo_error


def test_the_clone_is_the_folder_that_holds_the_deployment_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "one_click_deploy.sh").write_text("")
    monkeypatch.setattr("sys.prefix", str(tmp_path / ".venv"))
    assert surroundings.find_clone() == tmp_path
