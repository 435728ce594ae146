"""What systemd says of a unit."""

import re

from testinfra.host import Host


def show(host: Host, unit: str, *properties: str) -> dict[str, str]:
    """Return properties of a unit."""
    lines = host.check_output(f"systemctl show --property={','.join(properties)} {unit}").splitlines()
    return dict(line.split("=", 1) for line in lines)


def exposes_at_most(host: Host, unit: str, allowed: float) -> None:
    """Compare the exposure that systemd computes with what is allowed."""
    report = host.check_output(f"systemd-analyze security --no-pager {unit}")
    found = re.search(r"exposure level for \S+: ([0-9.]+)", report)
    assert found, report
    assert float(found[1]) <= allowed, report
