"""The controller's own apt settings, read at run time and carried over to a machine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible.module_utils.lab_host import LabError, run

POCKETS = ("", "-updates", "-security")


@dataclass(frozen=True)
class Mirror:
    """Where a Debian suite comes from: ``base`` for the suite and its updates, ``security``."""

    base: str
    security: str
    has_updates: bool


def controller_mirror(codename: str, override: str, security_override: str) -> Mirror:
    """Find the Debian mirror this computer itself uses.

    apt is asked instead of its files, so that deb822 and one-line sources, included
    directories and options all count the same.

    Args:
        codename: the controller's own release, for instance ``bookworm``.
        override: a mirror to use in place of the one found, or an empty string.
        security_override: the same for security updates.

    Raises:
        LabError: when apt knows no http(s) Debian mirror and none was given.
    """
    if override:
        return Mirror(override.rstrip("/"), security_override.rstrip("/"), has_updates=True)
    listing = run(
        [
            "apt-get",
            "indextargets",
            "--no-release-info",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ]
    ).stdout
    found = pick_mirrors((line.split() for line in listing.splitlines()), codename)
    if "" not in found:
        raise LabError(
            f"apt on this computer names no http(s) mirror for Debian {codename or '(not Debian)'}; "
            "set lab_mirror to the address of a Debian mirror"
        )
    return Mirror(
        found[""],
        security_override.rstrip("/") or found.get("-security", ""),
        has_updates="-updates" in found,
    )


def pick_mirrors(targets: Iterable[list[str]], codename: str) -> dict[str, str]:
    """Return the first address per pocket of ``codename`` among (address, release, component)."""
    wanted = {name + pocket: pocket for name in (codename, "stable") for pocket in POCKETS}
    wanted[f"{codename}/updates"] = "-security"
    found: dict[str, str] = {}
    for target in targets:
        if len(target) != 3 or target[2] != "main" or not codename:
            continue
        address, release, _ = target
        if release in wanted and re.match(r"https?://", address):
            found.setdefault(wanted[release], address.rstrip("/"))
    return found


def sources(mirror: Mirror, suite: str) -> str:
    """Render the deb822 sources of a machine of ``suite``."""
    suites = f"{suite} {suite}-updates" if mirror.has_updates else suite
    stanzas = [(mirror.base, suites)]
    if mirror.security:
        stanzas.append((mirror.security, f"{suite}-security"))
    return "\n".join(
        f"Types: deb\nURIs: {address}\nSuites: {names}\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        for address, names in stanzas
    )


def proxies(gateway: str) -> dict[str, str]:
    """Return apt's http and https proxies, as a machine behind ``gateway`` reaches them."""
    found = {}
    for scheme in ("http", "https"):
        answer = run(["apt-config", "shell", "P", f"Acquire::{scheme}::Proxy"]).stdout
        match = re.search(r"P='(.+)'", answer)
        if match and match[1] != "DIRECT":
            found[scheme] = reachable(match[1], gateway)
    return found


def reachable(address: str, gateway: str) -> str:
    """Replace a loopback host in a URL by ``gateway``, the controller as machines see it."""
    host = urlsplit(address).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        written = f"[{host}]" if ":" in host else host
        return address.replace(written, gateway, 1)
    return address


def settings(found: dict[str, str]) -> str:
    """Render apt's settings inside a machine."""
    lines = ['Acquire::GzipIndexes "true";', 'Acquire::Languages "none";', 'Acquire::Retries "3";']
    lines += [f'Acquire::{scheme}::Proxy "{address}";' for scheme, address in sorted(found.items())]
    return "\n".join(lines) + "\n"
