"""What surrounds the installation: names of exchanges, the newest backup, and the clone that deploys it."""

import contextlib
import ipaddress
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from marketprism.ops import manifest
from marketprism.ops.doctor.evidence import Clone
from marketprism.settings import VenueSettings

_ANSWER_SECONDS = 3.0
_NEWEST_MINOR = 14
_EXECUTABLE = 0o111
_NO_SUDO = re.compile(r"not in the sudoers|may not run sudo|not allowed to (run|execute)", re.IGNORECASE)


def hosts(venues: Mapping[str, VenueSettings]) -> list[str]:
    """Name the hosts of enabled venues that have to be resolved; addresses need not."""
    urls = [url for venue in venues.values() if venue.enabled for url in (venue.ws_url, venue.rest_url)]
    names = dict.fromkeys(urlsplit(url).hostname or "" for url in urls)
    return [name for name in names if name and not _is_address(name)]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def resolve(name: str) -> str:
    """Look one host's address up; returns why that failed, empty when it did not."""
    try:
        socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return str(error)
    return ""


def backup_age(link: Path) -> float | None:
    """Return the seconds since the newest backup began, or since backups are wanted where there is none.

    Args:
        link: To their directory, which may be missing; without the link no backups are wanted.

    Raises:
        OSError: The directory cannot be looked into.
    """
    if not link.is_symlink():
        return None
    try:
        began = max(_starts(link), default=link.lstat().st_mtime)
    except FileNotFoundError:
        began = link.lstat().st_mtime
    return time.time_ns() / 1e9 - began


def _starts(directory: Path) -> Iterator[float]:
    """Yield when each backup began, by the names alone: a manifest is large, and is the last that a backup writes."""
    for path in directory.iterdir():
        with contextlib.suppress(ValueError):  # a file of somebody else
            if path.suffix == ".json":
                yield manifest.made_at(path.stem).timestamp()


def find_clone() -> Path | None:
    """Find the clone whose ``.venv`` runs this, or in which it was started."""
    places = (Path(sys.prefix).parent, Path.cwd())
    return next((place for place in places if (place / "scripts" / "one_click_deploy.sh").is_file()), None)


def look_at_clone(root: Path) -> Clone:
    """See whether a deployment could start from this clone."""
    return Clone(path=str(root), not_executable=_not_executable(root), sudo_error=_sudo_error(), pythons=_pythons())


def _not_executable(root: Path) -> tuple[str, ...]:
    scripts = sorted((root / "scripts").glob("*.sh"))
    found = [f"{script} has mode {script.stat().st_mode & 0o777:o}" for script in scripts if not _has_bit(script)]
    if os.statvfs(root).f_flag & os.ST_NOEXEC:
        found.append(f"{root} is mounted noexec")
    return tuple(found)


def _has_bit(script: Path) -> bool:
    return bool(script.stat().st_mode & _EXECUTABLE)


def _sudo_error() -> str:
    """Say why we cannot become root; a password that would be asked for is no error."""
    if os.geteuid() == 0:
        return ""
    sudo = shutil.which("sudo")
    if sudo is None:
        return "sudo is not installed, and this is not root"
    said = _printed([sudo, "-n", "-l"])
    return said.strip()[:200] if _NO_SUDO.search(said) else ""


def _pythons() -> dict[str, tuple[int, int]]:
    commands = ("python3", *(f"python3.{minor}" for minor in range(11, _NEWEST_MINOR)))
    found = {}
    for command in commands:
        path = shutil.which(command)
        version = re.search(r"Python (\d+)\.(\d+)", _printed([path, "--version"])) if path else None
        if version:
            found[command] = (int(version[1]), int(version[2]))
    return found


def _printed(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False)  # noqa: S603 - no shell, names from PATH
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr
