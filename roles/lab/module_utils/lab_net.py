"""The network of the lab: one bridge, one masquerade rule, one namespace per machine."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible.module_utils.lab_host import LabError, read_json, run, write_json

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


def hardware_address(text: str) -> str:
    """Derive a locally administered hardware address, the same for the same text.

    A machine that is rebuilt keeps it, so nobody on the bridge has to forget a neighbour.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    return "02:" + ":".join(digest[at : at + 2] for at in range(0, 10, 2))


def interface(name: str) -> dict[str, Any]:
    """Return what ``ip`` knows about an interface, or an empty object."""
    result = run(["ip", "-json", "address", "show", "dev", name], check=False)
    if result.returncode != 0:
        return {}
    found = [entry for entry in json.loads(result.stdout or "[]") if entry]
    return found[0] if found else {}


def _links(*selection: str) -> list[dict[str, Any]]:
    """Return the interfaces that ``ip link show`` selects."""
    shown = json.loads(run(["ip", "-json", "link", "show", *selection]).stdout or "[]")
    return [entry for entry in shown if entry]


def _virtual_interfaces() -> list[str]:
    """Return interfaces that are up and whose owner may have come to count on forwarding."""
    virtual = {entry.name for entry in Path("/sys/devices/virtual/net").iterdir()} - {"lo"}
    return [link["ifname"] for link in _links("up") if link["ifname"] in virtual]


@dataclass(frozen=True)
class Bridge:
    """The bridge the machines hang on, and what this computer needs to route for them."""

    name: str
    gateway: ipaddress.IPv4Interface
    record: Path

    @property
    def table(self) -> str:
        """The nftables table that belongs to this bridge alone."""
        return f"marketprism_{self.name}"

    def present(self) -> bool:
        """Create what is missing; returns whether anything was.

        Raises:
            LabError: when an interface of that name exists that the lab did not create.
        """
        changed = self._bridge()
        changed = self._masquerade() or changed
        if FORWARDING.read_text().strip() != "1":
            FORWARDING.write_text("1\n")
            changed = True
        return changed

    def _bridge(self) -> bool:
        found = interface(self.name)
        if found and not self.record.exists():
            raise LabError(
                f"the interface {self.name} exists and the lab did not create it; "
                "remove it or set lab_bridge to another name"
            )
        addresses = {entry.get("local") for entry in found.get("addr_info", [])}
        if found and str(self.gateway.ip) in addresses and "UP" in found["flags"]:
            return False
        if not read_json(self.record):
            write_json(self.record, {"bridge": self.name, "ip_forward": FORWARDING.read_text().strip()})
        if not found:
            self._refuse_overlap()
            mac = hardware_address(self.name)
            run(["ip", "link", "add", self.name, "address", mac, "type", "bridge"])
        if str(self.gateway.ip) not in addresses:
            run(["ip", "address", "replace", str(self.gateway), "dev", self.name])
        run(["ip", "link", "set", self.name, "up"])
        return True

    def _refuse_overlap(self) -> None:
        """Stop before a route of this computer would be hidden by the lab's network."""
        routes = json.loads(run(["ip", "-json", "-4", "route", "show"]).stdout or "[]")
        for route in routes:
            if route["dst"] in ("default", "0.0.0.0/0") or route.get("dev") == self.name:
                continue
            if ipaddress.ip_network(route["dst"], strict=False).overlaps(self.gateway.network):
                raise LabError(
                    f"{self.gateway.network} is already routed to {route.get('dev')} as {route['dst']}; "
                    "set lab_gateway and the machines' addresses to a free network"
                )

    def rules(self) -> str:
        """Render the lab's own nftables table: out by masquerade, in from this computer only."""
        return (
            f"table ip {self.table} {{\n"
            " chain postrouting {\n"
            "  type nat hook postrouting priority srcnat; policy accept;\n"
            f'  ip saddr {self.gateway.network} oifname != "{self.name}" masquerade\n'
            " }\n"
            " chain forward {\n"
            "  type filter hook forward priority filter; policy accept;\n"
            f'  iifname != "{self.name}" oifname "{self.name}" ct state != {{ established, related }} drop\n'
            " }\n"
            "}\n"
        )

    def _masquerade(self) -> bool:
        if self.name in run(["nft", "list", "table", "ip", self.table], check=False).stdout:
            return False
        run(["nft", "-f", "-"], stdin=f"table ip {self.table}\ndelete table ip {self.table}\n{self.rules()}")
        return True

    def closed_by(self) -> str:
        """Return why packets of the machines cannot leave this computer, or an empty string.

        Another firewall's verdict cannot be overruled from a table of our own.
        """
        chain = run(["nft", "list", "chain", "ip", "filter", "FORWARD"], check=False).stdout
        if "policy drop" not in chain or self.name in chain:
            return ""
        accept = f"nft insert rule ip filter FORWARD {{}} {self.name} accept"
        return (
            "this computer's firewall drops forwarded packets, so apt in the machines has no network; "
            f"allow them: {accept.format('iifname')}; {accept.format('oifname')}"
        )

    def _ports(self) -> list[dict[str, Any]]:
        return _links("master", self.name) if interface(self.name) else []

    def absent(self) -> bool:
        """Remove bridge, rules and the forwarding the lab itself switched on.

        A bridge that somebody else has plugged something into stays as it is, and so does
        forwarding while another virtual interface is up.
        """
        if not self.record.exists() or self._ports():
            return False
        recorded = read_json(self.record)
        run(["nft", "delete", "table", "ip", self.table], check=False)
        if interface(self.name):
            run(["ip", "link", "delete", self.name])
        if recorded.get("ip_forward") == "0" and not _virtual_interfaces():
            FORWARDING.write_text("0\n")
        self.record.unlink()
        return True


@dataclass(frozen=True)
class Link:
    """One machine's namespace and the cable from it to the bridge."""

    machine: str
    address: ipaddress.IPv4Address
    bridge: Bridge

    @property
    def namespace(self) -> Path:
        """The namespace's file, as systemd-nspawn takes it."""
        return Path("/run/netns") / self.machine

    @property
    def cable(self) -> str:
        """The end of the cable on this computer; interface names hold 15 characters."""
        return "mpl" + hashlib.sha256(self.machine.encode()).hexdigest()[:10]

    def exists(self) -> bool:
        """Whether a namespace or a cable of this machine's name is there at all."""
        return self.namespace.exists() or bool(interface(self.cable))

    def present(self) -> bool:
        """Create or repair namespace, cable and address; returns whether anything changed.

        A link that a test has cut (``ip link set … down``) is put up again.
        """
        changed = False
        if run(["ip", "netns", "exec", self.machine, "true"], check=False).returncode != 0:
            self._drop_namespace()
            run(["ip", "netns", "add", self.machine])
            changed = True
        inside = ["ip", "-netns", self.machine]
        if run([*inside, "link", "show", "eth0"], check=False).returncode != 0:
            run(["ip", "link", "delete", self.cable], check=False)
            mac = hardware_address(f"{self.machine} {self.address}")
            peer = ["peer", "name", "eth0", "address", mac, "netns", self.machine]
            run(["ip", "link", "add", self.cable, "type", "veth", *peer])
            changed = True
        outside = interface(self.cable)
        if outside.get("master") != self.bridge.name or "UP" not in outside["flags"]:
            run(["ip", "link", "set", self.cable, "master", self.bridge.name, "up"])
            changed = True
        wanted = f"{self.address}/{self.bridge.gateway.network.prefixlen}"
        shown = json.loads(run([*inside, "-json", "address", "show", "dev", "eth0"]).stdout)[0]
        held = {entry.get("local") for entry in shown.get("addr_info", [])}
        routes = run([*inside, "route", "show", "default"]).stdout
        if str(self.address) not in held or "UP" not in shown["flags"] or not routes:
            run([*inside, "link", "set", "lo", "up"])
            run([*inside, "address", "replace", wanted, "dev", "eth0"])
            run([*inside, "link", "set", "eth0", "up"])
            run([*inside, "route", "replace", "default", "via", str(self.bridge.gateway.ip)])
            changed = True
        return changed

    def absent(self) -> bool:
        """Remove cable and namespace; returns whether there were any."""
        if not self.exists():
            return False
        if interface(self.cable):
            run(["ip", "link", "delete", self.cable])
        self._drop_namespace()
        # The kernel takes a namespace down in the background; a rebuild must not meet its remains.
        deadline = time.monotonic() + 5
        while interface(self.cable) and time.monotonic() < deadline:
            time.sleep(0.1)
        return True

    def _drop_namespace(self) -> None:
        """Remove the namespace's file, also where an interrupted run left it unmounted."""
        if self.namespace.exists():
            run(["ip", "netns", "delete", self.machine], check=False)
            self.namespace.unlink(missing_ok=True)
