"""From which figure on a host is short of something."""

from dataclasses import replace

import pytest

from marketprism.ops.doctor.evidence import Cpu, Disk, Memory
from marketprism.ops.doctor.findings import Certainty
from marketprism.ops.doctor.rules.host import (
    backup_too_old,
    clock_skew,
    cpu_saturated,
    disk_full,
    is_full,
    is_saturated,
    is_short,
    memory_pressure,
)
from tests.ops.doctor import faults
from tests.ops.doctor.faults import COLLECTOR, GIB, NOW, STORAGE, healthy


@pytest.mark.parametrize(
    ("total", "available", "inodes", "full"),
    [
        (40, 20, 1.0, False),
        (8, 0.9, 1.0, False),  # a small disk with a tenth free
        (40, 1.5, 1.0, True),
        (1000, 30, 1.0, False),  # 3 % of a large disk is room for days
        (1000, 15, 1.0, True),
        (40, 20, 0.01, True),
    ],
)
def test_a_disk_is_full(total: float, available: float, inodes: float, full: bool) -> None:
    disk = Disk(path="/x", total=int(total * GIB), available=int(available * GIB), inodes_free=inodes)
    assert is_full(disk) is full


def test_a_full_disk_explains_only_who_writes_there() -> None:
    (finding,) = disk_full(faults.disk(healthy(), "/var/lib/clickhouse"))
    assert finding.evidence == ("/var/lib/clickhouse: 0.01 GiB of 40.0 GiB are free (0.0%)",)
    assert "clickhouse-down" in finding.explains
    assert "nats-down" not in finding.explains


def test_a_quota_shows_by_its_complaints_alone() -> None:
    evidence = faults.failed(healthy(), STORAGE, "OSError: [Errno 28] No space left on device")
    (finding,) = disk_full(evidence)
    assert finding.certainty is Certainty.LIKELY


def test_who_was_started_anew_no_longer_complains() -> None:
    full = faults.failed(
        healthy(), STORAGE, "OSError: [Errno 28] No space left on device", state="active", sub="running"
    )
    assert [*disk_full(full)]
    assert [*disk_full(faults.unit(full, STORAGE, restarts=0, since=NOW - 1))] == []
    killed = faults.unit(faults.oom_killed(healthy()), COLLECTOR, state="active", sub="running", result="success")
    assert [*memory_pressure(killed)], "systemd started it again, which repairs nothing"
    assert [*memory_pressure(faults.unit(killed, COLLECTOR, restarts=0, since=NOW - 1))] == []


@pytest.mark.parametrize(("available", "stalled", "short"), [(0.5, 0.0, False), (0.04, 0.0, True), (0.5, 30.0, True)])
def test_memory_is_short(available: float, stalled: float, short: bool) -> None:
    memory = Memory(total=4 * GIB, available=int(4 * GIB * available), stalled_10s=stalled, stalled_60s=stalled)
    assert is_short(memory) is short


def test_the_eater_of_memory_is_named() -> None:
    (finding,) = memory_pressure(faults.memory_short(healthy()))
    assert finding.evidence == (
        "0.10 GiB of 4.0 GiB are available, every task waited for memory in 40 % of the last 10 s",
        "process 77 (stress --vm 4) holds 3.00 GiB",
    )


def test_a_unit_at_its_limit_is_told_although_the_host_has_room() -> None:
    full = faults.unit(healthy(), COLLECTOR, memory_bytes=int(0.745 * GIB), memory_limit_bytes=int(0.75 * GIB))
    (finding,) = memory_pressure(full)
    assert finding.evidence[0] == "marketprism-collector.service holds 0.74 GiB of the 0.75 it may"


def test_who_was_killed_for_memory_is_down_for_that_reason() -> None:
    (finding,) = memory_pressure(faults.oom_killed(healthy()))
    assert "collector-down" in finding.explains
    assert "storage-down" not in finding.explains


@pytest.mark.parametrize(
    ("idle", "load", "ten", "sixty", "saturated"),
    [
        (0.0, 9.0, 97.0, 80.0, True),
        (0.0, 9.0, None, None, True),  # a kernel without pressure stall information
        (0.2, 9.0, 97.0, 80.0, False),
        (0.0, 9.0, 97.0, 10.0, False),  # a burst
        (0.0, 2.2, 30.0, 30.0, False),  # busy, and it keeps up
    ],
)
def test_processors_are_saturated(
    idle: float, load: float, ten: float | None, sixty: float | None, saturated: bool
) -> None:
    assert is_saturated(Cpu(count=2, idle=idle, load=load, waiting_10s=ten, waiting_60s=sixty)) is saturated


def test_the_eater_of_processor_time_is_named() -> None:
    (finding,) = cpu_saturated(faults.cpu_full(healthy()))
    assert finding.evidence[-1] == "process 78 (stress --cpu 8) uses 1.9 processors"


def test_processors_that_others_take_are_no_problem_of_this_host() -> None:
    evidence = faults.cpu_full(healthy())
    assert evidence.cpu is not None
    assert list(cpu_saturated(replace(evidence, cpu=replace(evidence.cpu, used=0.4)))) == []
    assert len(list(cpu_saturated(replace(evidence, cpu=replace(evidence.cpu, used=1.9))))) == 1


def test_most_exchanges_have_to_contradict_our_clock() -> None:
    (finding,) = clock_skew(faults.skewed(healthy()))
    assert finding.evidence[0] == "our clock is 42.50 s behind that of binance-spot"
    one = faults.venue(healthy(), "okx-spot", clock_skew_seconds=5.0)
    assert list(clock_skew(one)) == []
    apart = faults.venue(
        faults.venue(healthy(), "okx-spot", clock_skew_seconds=5.0), "binance-spot", clock_skew_seconds=-5.0
    )
    assert list(clock_skew(apart)) == []


def test_a_host_that_makes_no_backups_has_no_old_one() -> None:
    assert list(backup_too_old(replace(healthy(), backup_age=None))) == []
    (finding,) = backup_too_old(faults.backup_old(healthy()))
    assert finding.evidence == ("no backup was made for 30.0 h, limit 26 h",)
