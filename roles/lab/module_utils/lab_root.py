"""A machine's own tree: a copy of the cached one that has its name, keys and resolver."""

from __future__ import annotations

import ipaddress
import shutil
from pathlib import Path

from ansible.module_utils.lab_host import LabError, remove_tree, run, write_file

# The kernel's vm.* values are the host's. The machine gets files of its own in their place, so
# that roles set and read them as on a real box while the host keeps its values.
PRIVATE_SETTINGS = ("swappiness", "max_map_count", "overcommit_memory")

SETTINGS_SCRIPT = f"""#!/bin/sh
set -eu
mkdir -p /run/marketprism-lab/vm
for name in {" ".join(PRIVATE_SETTINGS)}; do
  cat "/proc/sys/vm/$name" > "/run/marketprism-lab/vm/$name"
  mount --bind "/run/marketprism-lab/vm/$name" "/proc/sys/vm/$name"
done
"""

SETTINGS_UNIT = """[Unit]
Description=vm.* settings of this lab machine alone
DefaultDependencies=no
Before=systemd-sysctl.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/marketprism-lab/private-vm-settings

[Install]
WantedBy=sysinit.target
"""

SSHD = """HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UseDNS no
MaxStartups 50
MaxSessions 50
"""


def make_key(path: Path, comment: str) -> None:
    """Generate an ed25519 key pair unless both halves are there."""
    public = path.with_name(f"{path.name}.pub")
    if path.is_file() and public.is_file():
        return
    path.unlink(missing_ok=True)
    public.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def nameservers() -> list[str]:
    """Return the controller's resolvers that a machine can reach too.

    Raises:
        LabError: when there is none but a loopback resolver.
    """
    for source in (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")):
        if not source.is_file():
            continue
        words = [line.split() for line in source.read_text().splitlines()]
        found = [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]
        usable = [address for address in found if not ipaddress.ip_address(address.split("%")[0]).is_loopback]
        if usable:
            return usable
    raise LabError("this computer resolves names through its own loopback only; set lab_nameservers")


def write_resolver(root: Path, servers: list[str]) -> None:
    """Write the machine's resolver settings; a stale link of the cached tree is replaced."""
    target = root / "etc/resolv.conf"
    if target.is_symlink():
        target.unlink()
    write_file(target, "".join(f"nameserver {server}\n" for server in servers))


def share_packages(source: Path, target: Path) -> None:
    """Give ``target`` the packages of ``source`` that it lacks, without copying where possible.

    Each machine has a directory of its own: apt fails at once when another machine holds the lock
    of a common one. apt checks every package against its signed index before it uses it.
    """
    for package in source.glob("*.deb") if target.is_dir() else []:
        wanted = target / package.name
        if wanted.exists():
            continue
        try:
            wanted.hardlink_to(package)
        except FileExistsError:
            continue
        except OSError:
            partial = target / f".{package.name}.partial"
            shutil.copyfile(package, partial)
            partial.rename(wanted)


def create(state: Path, tree: Path, name: str, address: str) -> None:
    """Copy ``tree`` and personalise it; the copy gets its final name as the last step.

    Raises:
        LabError: when the disk is too full or the copy fails.
    """
    free = shutil.disk_usage(state).free
    if free < 1 << 30:
        raise LabError(f"{state} has {free >> 20} MB free; a machine needs 1 GB to start with")
    partial = state / "rootfs.partial"
    remove_tree(partial)
    run(["cp", "-a", "--reflink=auto", "--", str(tree), str(partial)], timeout=600)
    write_file(partial / "etc/hostname", f"{name}\n")
    write_file(partial / "etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n{address} {name}\n")
    write_file(partial / "etc/default/locale", "LANG=C.UTF-8\n")
    write_file(partial / "etc/machine-id", "", 0o444)
    write_file(partial / "etc/ssh/sshd_config.d/10-marketprism-lab.conf", SSHD)
    make_key(partial / "etc/ssh/ssh_host_ed25519_key", name)
    home = partial / "root/.ssh"
    home.mkdir(mode=0o700, exist_ok=True)
    write_file(home / "authorized_keys", (state / "id_ed25519.pub").read_text(), 0o600)
    _private_settings(partial)
    partial.rename(state / "rootfs")


def _private_settings(root: Path) -> None:
    script = root / "usr/local/lib/marketprism-lab/private-vm-settings"
    script.parent.mkdir(parents=True, exist_ok=True)
    write_file(script, SETTINGS_SCRIPT, 0o755)
    unit = root / "etc/systemd/system/marketprism-lab-vm.service"
    write_file(unit, SETTINGS_UNIT)
    wants = root / "etc/systemd/system/sysinit.target.wants"
    wants.mkdir(exist_ok=True)
    link = wants / unit.name
    link.unlink(missing_ok=True)
    link.symlink_to(f"/etc/systemd/system/{unit.name}")
