"""SIGHUP takes the log level over while the process goes on."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from marketprism.cli.reload import reload_on_hangup
from marketprism.telemetry import logs
from tests.collector.waiting import until


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What is configured here writes to this test's captured stream, which ends with it."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "marketprism.yml"
    path.write_text("log_level: INFO\n")
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(path))
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    return path


def set_level(config: Path, level: str) -> None:
    config.with_suffix(".env").write_text(f"LOG_LEVEL={level}\n")


async def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0)


async def test_the_level_follows_the_settings_at_each_hangup(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    log = logs.get("test")
    reload_on_hangup()
    try:
        log.debug("unseen")
        set_level(config, "DEBUG")
        await hang_up()
        await until(lambda: "log level set" in capsys.readouterr().err)
        log.debug("seen")
        assert "seen" in capsys.readouterr().err
        set_level(config, "ERROR")
        await hang_up()
        await asyncio.sleep(0.05)
        log.warning("unseen")
        assert "unseen" not in capsys.readouterr().err
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


async def test_wrong_settings_change_nothing_and_are_logged(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    reload_on_hangup()
    try:
        set_level(config, "LOUD")
        await hang_up()
        await asyncio.sleep(0.05)
        logs.get("test").info("still here")
        told = capsys.readouterr().err
        assert "settings not read" in told
        assert "LOUD" in told
        assert "still here" in told
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
