#!/usr/bin/python3
"""Ansible module: boot a lab machine from a Debian tree, or remove it."""

from __future__ import annotations

import ipaddress
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils import lab_process, lab_root
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.lab_host import LabError, lock, read_json, remove_tree, run, write_file, write_json
from ansible.module_utils.lab_net import Bridge, Link

DOCUMENTATION = r"""
---
module: lab_machine
short_description: Boot a lab machine from a Debian tree, or remove it
description:
  - Copies a tree made by M(lab_tree), boots it with systemd-nspawn in a network namespace of its own
    and waits until systemd has started everything and ssh answers.
  - A running machine is left alone, a stopped one is booted, a half-made one is completed.
  - Directories, namespaces and bridges that the lab did not create are refused, never changed.
  - A running machine of another clone is refused as well.
options:
  name: {description: Name of the machine, a host name., type: str, required: true}
  state: {description: What is wanted., type: str, choices: [present, absent], default: present}
  address: {description: IPv4 address of the machine., type: str}
  clone: {description: Clone that uses the machine; without it nobody is asked., type: path}
  suite: {description: Debian release of the tree., type: str}
  tree: {description: Tree to copy., type: path}
  archives: {description: Packages a new machine is given and a removed one leaves., type: path}
  runner: {description: Script that runs a machine., type: path}
  directory: {description: Directory of all machines., type: path, required: true}
  bridge: {description: Name of the bridge., type: str, required: true}
  gateway: {description: Address of the controller on the bridge with prefix length., type: str, required: true}
  nameservers: {description: Resolvers in place of the controller's own., type: list, elements: str, default: []}
  timeout: {description: Seconds to wait for the machine to start., type: int, default: 90}
author: [MarketPrism]
"""

OWNER = "marketprism-lab"
LOCKS = Path("/run/lock/marketprism-lab")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class Machine:
    """One machine: its directory, its place in the network, its processes."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the module's parameters.

        Raises:
            LabError: when a name or an address cannot be used.
        """
        self.params = module.params
        self.module = module
        self.name: str = module.params["name"]
        if not NAME.fullmatch(self.name) or self.name == "connect":
            raise LabError(f"{self.name!r} cannot name a machine: lower-case letters, digits and dashes only")
        self.directory = Path(module.params["directory"])
        self.state = self.directory / self.name
        self.record = self.state / "machine.json"
        gateway = ipaddress.IPv4Interface(module.params["gateway"])
        self.bridge = Bridge(module.params["bridge"], gateway, self.directory / "network.json")
        address = module.params["address"] or read_json(self.record).get("address") or str(gateway.ip)
        self.address = ipaddress.IPv4Address(address)
        self.link = Link(self.name, self.address, self.bridge)

    def owned(self) -> bool:
        """Whether the machine exists and is the lab's.

        Raises:
            LabError: when its directory or its namespace belongs to somebody else.
        """
        if self.state.is_symlink() or self.state.exists():
            recorded = read_json(self.record)
            if self.state.is_symlink() or recorded.get("owner") != OWNER or recorded.get("name") != self.name:
                raise LabError(
                    f"{self.state} exists and the lab did not create it (no {self.record.name} of ours in it); "
                    "nothing was changed: move it away or choose another machine name"
                )
            self._refuse_another_clone(recorded.get("clone"))
            return True
        if self.params["state"] == "present" and self.link.exists():
            raise LabError(
                f"a network namespace or interface of {self.name} ({self.link.namespace}, {self.link.cable}) "
                "exists and the lab did not create it; nothing was changed: remove it or choose another name"
            )
        return False

    def _refuse_another_clone(self, clone: str | None) -> None:
        """Stop before a run loses its machine: names and addresses are this computer's, whatever the clone."""
        if clone and self.params["clone"] not in (None, clone) and Path(clone).is_dir() and self.running():
            raise LabError(
                f"the clone at {clone} runs it; nothing was changed: wait until it is done, or remove the machine "
                "from there (playbooks/lab_destroy.yml, molecule destroy)"
            )

    def others(self) -> Iterator[dict[str, str]]:
        """Yield the records of the other machines."""
        for record in self.directory.glob("*/machine.json"):
            if record.parent != self.state:
                yield read_json(record)

    def running(self) -> bool:
        """Whether the machine is up, its runner included, and was found sound once."""
        up = lab_process.supervised(self.state) and bool(lab_process.leaders(self.state))
        return up and bool(read_json(self.record).get("ready"))

    def present(self) -> bool:
        """Make the machine run; returns whether anything had to be done."""
        with lock(LOCKS / "network"):
            exists = self.owned()
            self._check_record(exists)
            if self.module.check_mode:
                return not (exists and self.running())
            self._sweep()
            if not exists:
                self._claim()
            changed = self.bridge.present()
            changed = self.link.present() or changed
        if self.bridge.closed_by():
            self.module.warn(self.bridge.closed_by())
        if not self.running():
            self._boot()
            changed = True
        self._wait_for_ssh()
        return changed

    def _check_record(self, exists: bool) -> None:
        network = self.bridge.gateway.network
        if self.address not in network or self.address == self.bridge.gateway.ip:
            raise LabError(f"{self.address} is not a free address of {network}")
        for other in self.others():
            if other.get("address") == str(self.address):
                raise LabError(f"{self.address} already belongs to the lab machine {other.get('name')}")
        recorded = read_json(self.record) if exists else {}
        for key in ("address", "suite"):
            if exists and recorded.get(key) != self.params[key]:
                raise LabError(
                    f"{self.name} exists with {key} {recorded.get(key)}, not {self.params[key]}; "
                    "remove it first (lab_state: absent)"
                )

    def _sweep(self) -> None:
        """Delete what an interrupted run left under temporary names."""
        for pattern in (".new-*", ".gone-*"):
            for left in self.directory.glob(pattern):
                remove_tree(left)

    def _claim(self) -> None:
        """Create the directory together with the record that makes it the lab's."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self.directory / f".new-{self.name}"
        fresh.mkdir(mode=0o700)
        record = {"owner": OWNER, "name": self.name, "address": str(self.address)}
        record |= {key: self.params[key] for key in ("suite", "archives", "clone")}
        write_json(fresh / "machine.json", record)
        fresh.rename(self.state)

    def _boot(self) -> None:
        recorded = read_json(self.record)
        if not lab_process.supervised(self.state):
            lab_process.stop(self.name, self.state)
            lab_root.make_key(self.state / "id_ed25519", self.name)
            if not (self.state / "rootfs").is_dir():
                lab_root.create(self.state, Path(self.params["tree"]), self.name, str(self.address))
                lab_root.share_packages(Path(self.params["archives"]), self.packages)
            servers = self.params["nameservers"] or lab_root.nameservers()
            lab_root.write_resolver(self.state / "rootfs", servers)
            self._write_known_hosts()
            shutil.copy2(self.params["runner"], self.state / "run-machine.sh")
            (self.state / "run-machine.sh").chmod(0o755)
            lab_process.start(self.name, self.state)
        result = lab_process.wait_for_boot(self.state, self.params["timeout"])
        self._judge(result, first=not recorded.get("ready"))
        self._wait_for_ssh()
        write_json(self.record, {**recorded, "ready": True, "clone": self.params["clone"]})

    def _judge(self, result: str, first: bool) -> None:
        """Refuse a machine that is not sound when new; later its units are its owner's business."""
        if result == "running":
            return
        units = ", ".join(lab_process.failed_units(self.state)) or "unknown"
        text = f"systemd in {self.name} is {result}; failed units: {units}"
        if first:
            raise LabError(f"{text}; the console says:\n{lab_process.console_tail(self.state)}")
        self.module.warn(text)

    @property
    def connect(self) -> Path:
        """What an ssh client needs, by address: host key and the socket of shared connections."""
        return self.directory / "connect" / str(self.address)

    @property
    def packages(self) -> Path:
        """Where the machine's apt keeps the packages it has downloaded."""
        return self.state / "rootfs/var/cache/apt/archives"

    def _write_known_hosts(self) -> None:
        key = (self.state / "rootfs/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        line = f"{self.address},{self.name} {key[0]} {key[1]}\n"
        write_file(self.state / "known_hosts", line, 0o600)
        self.connect.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self.connect / "known_hosts", line, 0o600)

    def _wait_for_ssh(self) -> None:
        options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "ConnectTimeout=3"]
        options += [f"UserKnownHostsFile={self.state}/known_hosts", "GlobalKnownHostsFile=/dev/null"]
        argv = ["ssh", "-F", "none", "-i", str(self.state / "id_ed25519")]
        for option in options:
            argv += ["-o", option]
        deadline = time.monotonic() + 20
        while True:
            answer = run([*argv, f"root@{self.address}", "true"], check=False)
            if answer.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.name} runs but ssh to {self.address} fails: {answer.stderr.strip()[-300:]}; "
                    "start its ssh.service or rebuild it (lab_state: absent, then present)"
                )
            time.sleep(0.3)

    def absent(self) -> bool:
        """Remove the machine, and the network with the last one; returns whether there was any."""
        exists = self.owned()
        if self.module.check_mode:
            return exists
        if exists:
            lab_process.stop(self.name, self.state)
            lab_root.share_packages(self.packages, Path(read_json(self.record).get("archives", "/nonexistent")))
        with lock(LOCKS / "network"):
            if exists:
                self._disconnect()
                self.link.absent()
                self.state.rename(self.directory / f".gone-{self.name}")
            self._sweep()
            last = not any(True for _ in self.others())
            changed = bool(last and self.bridge.absent())
            if last:
                self._remove_empty_directories()
        return exists or changed

    def _disconnect(self) -> None:
        """End shared ssh connections; a machine rebuilt at this address must not meet them."""
        socket = self.connect / "mux"
        if socket.exists():
            run(["ssh", "-F", "none", "-O", "exit", "-o", f"ControlPath={socket}", "root@lab"], check=False)
        remove_tree(self.connect)

    def _remove_empty_directories(self) -> None:
        for directory in (self.directory / "connect", self.directory):
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "address": {"type": "str"},
            "clone": {"type": "path"},
            "suite": {"type": "str"},
            "tree": {"type": "path"},
            "archives": {"type": "path"},
            "runner": {"type": "path"},
            "directory": {"type": "path", "required": True},
            "bridge": {"type": "str", "required": True},
            "gateway": {"type": "str", "required": True},
            "nameservers": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "int", "default": 90},
        },
        required_if=[("state", "present", ["address", "suite", "tree", "archives", "runner"])],
        supports_check_mode=True,
    )
    started = time.monotonic()
    try:
        machine = Machine(module)
        with lock(LOCKS / machine.name):
            changed = machine.present() if module.params["state"] == "present" else machine.absent()
        module.exit_json(changed=changed, seconds=round(time.monotonic() - started, 1), address=str(machine.address))
    except (LabError, OSError, ValueError) as error:
        module.fail_json(msg=f"{module.params['name']}: {error}")


if __name__ == "__main__":
    main()
