#!/usr/bin/python3
"""Ansible module: build a Debian tree once and keep it."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_apt import Mirror, controller_mirror, proxies, settings, sources
from ansible.module_utils.lab_host import LabError, lock, remove_tree, run, write_file

DOCUMENTATION = r"""
---
module: lab_tree
short_description: Build a Debian tree once and keep it
description:
  - Runs debootstrap into a directory named after suite, architecture and package list.
  - The tree is built beside its final name and renamed, so an interrupted build never looks finished.
options:
  cache: {description: Directory of the trees., type: path, required: true}
  suite: {description: Debian release., type: str, required: true}
  packages: {description: Packages installed on top of the minimal system., type: list, elements: str, required: true}
  codename: {description: Debian release of the controller., type: str, required: true}
  gateway: {description: Address of the controller as machines see it., type: str, required: true}
  mirror: {description: Mirror to use in place of the controller's own., type: str, default: ""}
  security_mirror: {description: The same for security updates., type: str, default: ""}
author: [MarketPrism]
"""

# Left out of the tree and of every package installed later: nobody reads them in a lab machine,
# and they would be a third of what is copied for each.
UNREAD = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")

# Raise it when the way a tree is built changes: older trees are then left aside.
FORMAT = 2


def tree_name(suite: str, arch: str, packages: list[str]) -> str:
    """Name a tree by everything that decides what is in it."""
    digest = hashlib.sha256("\n".join([str(FORMAT), *sorted(set(packages))]).encode())
    return f"{suite}-{arch}-{digest.hexdigest()[:12]}"


def bootstrap(tree: Path, archives: Path, params: dict[str, Any], mirror: Mirror) -> None:
    """Fill ``tree`` with a minimal system that has apt set up and no identity of its own.

    Raises:
        LabError: with the end of debootstrap's log when it fails.
    """
    suite, gateway = params["suite"], params["gateway"]
    proxy = proxies(gateway)
    env = {f"{scheme}_proxy": address.replace(gateway, "127.0.0.1") for scheme, address in proxy.items()}
    result = run(
        [
            "debootstrap",
            "--variant=minbase",
            f"--include={','.join(sorted(set(params['packages'])))}",
            f"--cache-dir={archives}",
            suite,
            str(tree),
            mirror.base,
        ],
        check=False,
        env=env,
        timeout=1800,
    )
    if result.returncode != 0:
        log = tree / "debootstrap" / "debootstrap.log"
        tail = log.read_text(errors="replace")[-1500:] if log.is_file() else result.stderr[-1500:]
        raise LabError(f"debootstrap of {suite} failed with {result.returncode}:\n{result.stdout[-500:]}\n{tail}")
    (tree / "etc/apt/sources.list").unlink(missing_ok=True)
    write_file(tree / "etc/apt/sources.list.d/debian.sources", sources(mirror, suite))
    write_file(tree / "etc/apt/apt.conf.d/50marketprism-lab", settings(proxy))
    write_file(tree / "etc/dpkg/dpkg.cfg.d/marketprism-lab", "".join(f"path-exclude=/{name}/*\n" for name in UNREAD))


def slim(tree: Path) -> None:
    """Take out what each machine makes or downloads for itself, identity above all."""
    for name in UNREAD:
        shutil.rmtree(tree / name)
        (tree / name).mkdir()
    patterns = ("var/cache/apt/archives/*.deb", "var/cache/apt/*.bin", "etc/ssh/ssh_host_*", "var/lib/dbus/machine-id")
    for pattern in patterns:
        for path in tree.glob(pattern):
            path.unlink()
    write_file(tree / "etc/machine-id", "")


def build(params: dict[str, Any], tree: Path, archives: Path) -> None:
    """Build the tree under a temporary name, then give it its own."""
    free = shutil.disk_usage(tree.parent).free
    if free < 2 << 30:
        raise LabError(f"{tree.parent} has {free >> 20} MB free; a Debian tree needs 2 GB")
    mirror = controller_mirror(params["codename"], params["mirror"], params["security_mirror"])
    partial = tree.with_name(f".{tree.name}.partial")
    remove_tree(partial)
    partial.mkdir(mode=0o755)
    bootstrap(partial, archives, params, mirror)
    run(["chroot", str(partial), "apt-get", "-q", "update"], check=False, timeout=300)
    slim(partial)
    os.sync()
    partial.rename(tree)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "cache": {"type": "path", "required": True},
            "suite": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "codename": {"type": "str", "required": True},
            "gateway": {"type": "str", "required": True},
            "mirror": {"type": "str", "default": ""},
            "security_mirror": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    started = time.monotonic()
    cache = Path(module.params["cache"])
    try:
        arch = os.uname().machine.replace("x86_64", "amd64").replace("aarch64", "arm64")
        name = tree_name(module.params["suite"], arch, module.params["packages"])
        tree = cache / name
        archives = cache / f"archives-{module.params['suite']}-{arch}"
        result = {"tree": str(tree), "archives": str(archives)}
        if module.check_mode:
            module.exit_json(changed=not tree.is_dir(), **result)
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        if tree.is_dir():
            module.exit_json(changed=False, **result)
        with lock(cache / f".{name}.lock", timeout=1800):
            missing = not tree.is_dir()
            if missing:
                build(module.params, tree, archives)
        module.exit_json(changed=missing, seconds=round(time.monotonic() - started, 1), **result)
    except (LabError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
