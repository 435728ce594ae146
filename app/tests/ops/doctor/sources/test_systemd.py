"""What systemctl and journalctl print, understood; the programs are stood in for on PATH."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from marketprism.errors import UnavailableError
from marketprism.ops.doctor.sources import systemd

SHOWN = """\
Id=nats-server.service
LoadState=loaded
ActiveState=failed
SubState=failed
Result=oom-kill
ExecMainStatus=9
NRestarts=3
StateChangeTimestamp=@1800000000
MemoryCurrent=[not set]
MemoryMax=805306368
DropInPaths=/etc/systemd/system/nats-server.service.d/a.conf /run/systemd/system/nats-server.service.d/b.conf

Id=marketprism-collector.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
ExecMainStatus=0
NRestarts=0
StateChangeTimestamp=
MemoryCurrent=104857600
MemoryMax=infinity
"""
JOURNAL = [
    {"MESSAGE": "out of memory", "__REALTIME_TIMESTAMP": "1799999999500000"},
    {"MESSAGE": [255, 104, 105], "__REALTIME_TIMESTAMP": "1800000000000000"},
]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def stand_in(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


async def test_units_are_read_with_their_journals(programs: Path) -> None:
    (programs / "shown").write_text(SHOWN)
    (programs / "lines").write_text("".join(f"{json.dumps(entry)}\n" for entry in JOURNAL))
    stand_in(programs, "systemctl", f"cat {programs}/shown")
    # With --since, --lines takes the newest lines only where they are wanted first.
    printed = (
        f"case \"$*\" in *nats*' --reverse --lines='*) tac {programs}/lines;; *nats*) head -n 1 {programs}/lines;; esac"
    )
    stand_in(programs, "journalctl", printed)
    units = await systemd.units(["nats-server.service", "marketprism-collector.service"])
    nats, collector = units["nats-server.service"], units["marketprism-collector.service"]
    assert (nats.state, nats.result, nats.exit_status, nats.restarts) == ("failed", "oom-kill", 9, 3)
    assert (nats.since, nats.memory_bytes, nats.memory_limit_bytes) == (1_800_000_000, None, 805_306_368)
    assert [(line.seconds, line.text) for line in nats.lines] == [
        (1_799_999_999.5, "out of memory"),
        (1_800_000_000.0, "\ufffdhi"),
    ]
    assert (collector.since, collector.memory_bytes, collector.memory_limit_bytes) == (None, 104_857_600, None)
    assert collector.lines == ()


async def test_a_journal_that_cannot_be_read_leaves_the_state(programs: Path) -> None:
    stand_in(programs, "systemctl", "printf 'Id=a.service\\nActiveState=active\\n'")
    stand_in(programs, "journalctl", "exit 1")
    assert (await systemd.units(["a.service"]))["a.service"].state == "active"


async def test_a_host_without_systemd_is_unavailable_with_the_reason(programs: Path) -> None:
    stand_in(programs, "systemctl", "echo 'System has not been booted with systemd' >&2; exit 1")
    with pytest.raises(UnavailableError, match="has not been booted with systemd"):
        await systemd.units(["a.service"])


def test_a_program_that_hangs_is_ended_with_the_deadline(programs: Path) -> None:
    stand_in(programs, "hangs", f"echo $$ >{programs}/pid; exec sleep 100")

    async def impatient() -> None:
        async with asyncio.timeout(0.5):
            await systemd.run("hangs")

    with pytest.raises(TimeoutError):
        asyncio.run(impatient())
    process = Path("/proc") / (programs / "pid").read_text().strip()
    deadline = time.monotonic() + 5
    while process.exists() and "Z" not in (process / "stat").read_text():
        assert time.monotonic() < deadline
