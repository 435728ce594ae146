"""Swap after drift, an interrupted resize to 96 MB and a refused one."""

from __future__ import annotations

FILE = "/swapfile-mp-swap"


def active(host) -> dict[str, int]:
    """Return the active swap files with their sizes in bytes."""
    lines = host.check_output("swapon --show=NAME,SIZE --noheadings --raw --bytes").splitlines()
    return {name: int(size) for name, size in (line.split() for line in lines)}


def test_the_resized_file_is_the_only_active_one_of_ours(host) -> None:
    ours = {name: size for name, size in active(host).items() if name.startswith(FILE)}
    assert list(ours) == [FILE]
    assert 95 * 2**20 < ours[FILE] <= 96 * 2**20


def test_the_file_is_readable_by_root_alone(host) -> None:
    file = host.file(FILE)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
    assert file.size == 96 * 2**20


def test_nothing_of_the_interrupted_resize_is_left(host) -> None:
    assert not host.file(f"{FILE}.bridge").exists
    assert not host.file(f"{FILE}.new").exists


def test_the_kernel_and_the_next_boot_have_the_swappiness(host) -> None:
    assert host.check_output("cat /proc/sys/vm/swappiness") == "10"
    assert host.file("/etc/sysctl.d/60-marketprism-swap.conf").contains("^vm.swappiness = 10$")


def test_the_next_boot_switches_it_on(host) -> None:
    entries = [line.split() for line in host.file("/etc/fstab").content_string.splitlines() if FILE in line]
    assert [entry[:4] for entry in entries] == [[FILE, "none", "swap", "sw,nofail"]]


def test_what_the_disk_cannot_hold_is_refused_with_figures(host) -> None:
    assert not host.file("/not-refused").exists
    refusal = host.file("/refusal").content_string
    assert "99000000 MB" in refusal
    assert "Lower swap_size_mb" in refusal
