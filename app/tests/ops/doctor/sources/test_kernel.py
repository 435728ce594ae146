"""What /proc says, from files of a kernel and from this one."""

import os
from dataclasses import replace
from pathlib import Path

from marketprism.ops.doctor.sources import kernel


def fake_proc(root: Path, *, pressure: bool = True) -> Path:
    (root / "meminfo").write_text("MemTotal:       4000 kB\nMemFree:         100 kB\nMemAvailable:   1000 kB\n")
    (root / "stat").write_text("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1\n")
    (root / "loadavg").write_text("3.50 2.00 1.00 2/300 4711\n")
    if pressure:
        (root / "pressure").mkdir()
        (root / "pressure" / "cpu").write_text("some avg10=61.50 avg60=41.00 avg300=9.00 total=1\n")
        (root / "pressure" / "memory").write_text(
            "some avg10=9.00 avg60=9.00 avg300=9.00 total=1\nfull avg10=1.50 avg60=0.75 avg300=0.00 total=1\n"
        )
    return root


def test_memory_is_read_with_its_pressure(tmp_path: Path) -> None:
    memory = kernel.memory(fake_proc(tmp_path))
    assert (memory.total, memory.available) == (4000 * 1024, 1000 * 1024)
    assert (memory.stalled_10s, memory.stalled_60s) == (1.5, 0.75)


def test_idle_is_the_share_of_the_sample(tmp_path: Path) -> None:
    before = kernel.ticks(fake_proc(tmp_path))
    (tmp_path / "stat").write_text("cpu  190 0 50 805 55 0 0 0 0 0\n")
    cpu = kernel.cpu(before, kernel.ticks(tmp_path), tmp_path)
    assert (cpu.idle, cpu.load, cpu.waiting_10s, cpu.waiting_60s) == (0.1, 3.5, 61.5, 41.0)


def test_a_kernel_without_pressure_says_nothing_about_waiting(tmp_path: Path) -> None:
    before = kernel.ticks(fake_proc(tmp_path, pressure=False))
    assert kernel.cpu(before, before, tmp_path).waiting_60s is None
    assert kernel.memory(tmp_path).stalled_10s == 0.0


def test_the_process_that_took_the_time_is_named_whatever_its_name(tmp_path: Path) -> None:
    def process(pid: int, ticks: int, pages: int) -> None:
        (tmp_path / str(pid)).mkdir(exist_ok=True)
        fields = ["S", *["0"] * 10, str(ticks), "0", *["0"] * 8, str(pages)]
        (tmp_path / str(pid) / "stat").write_text(f"{pid} (a) b c) {' '.join(fields)}\n")
        (tmp_path / str(pid) / "cmdline").write_bytes(b"burn\0--all\0" if pid == 7 else b"")
        (tmp_path / str(pid) / "comm").write_text("kworker\n")

    fake_proc(tmp_path)
    process(7, 100, 10)
    process(8, 500, 99)
    before = kernel.ticks(tmp_path, processes=True)
    process(7, 400, 10)
    found = kernel.eaters(before, kernel.ticks(tmp_path, processes=True), tmp_path, count=1)
    assert {(each.pid, each.command) for each in found} == {(7, "burn --all"), (8, "kworker")}
    assert max(found, key=lambda each: each.cpu).pid == 7
    (tmp_path / "8" / "stat").unlink()
    moments = [replace(before, seconds=10.0), replace(kernel.ticks(tmp_path, processes=True), seconds=12.0)]
    assert kernel.used(*moments) == 300 / os.sysconf("SC_CLK_TCK") / 2
    assert max(found, key=lambda each: each.memory_bytes).pid == 8


def test_a_disk_is_read_only_where_its_file_system_is_and_not_where_its_mount_is(tmp_path: Path) -> None:
    """In the doctor's unit every mount is read-only; a file system that met an error is, whoever looks."""
    sandboxed, failed, root = tmp_path / "with space", tmp_path / "failed" / "data", tmp_path / "root"
    for path in (sandboxed, failed, root):
        path.mkdir(parents=True)
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(
        "22 1 254:0 / / ro,relatime shared:1 - ext4 /dev/vda rw\n"
        f"30 22 254:1 / {tmp_path}/with\\040space ro,nosuid master:2 - ext4 /dev/vdb rw,errors=remount-ro\n"
        f"31 22 254:2 / {tmp_path}/failed rw - ext4 /dev/vdc ro,errors=remount-ro\n"
    )
    found = kernel.disks([sandboxed, failed, root], tmp_path)
    assert [disk.read_only for disk in found] == [False, True, False]


def test_this_kernel_and_its_disks_can_be_read(tmp_path: Path) -> None:
    assert 0 < kernel.memory().available < kernel.memory().total
    assert os.getpid() in kernel.ticks(processes=True).processes
    (disk,) = kernel.disks([tmp_path, tmp_path / "missing"])
    assert 0 < disk.available < disk.total
    assert not disk.read_only
