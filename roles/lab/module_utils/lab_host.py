"""What the lab modules share: commands, locks, atomic files, directories."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


class LabError(Exception):
    """A failure the user has to read; the text says what to do."""


def run(
    argv: Sequence[str],
    *,
    check: bool = True,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 120.0,
) -> subprocess.CompletedProcess[str]:
    """Run a command without a shell and return its result.

    Raises:
        LabError: with the command and its error text, when ``check`` is set and it fails.
    """
    try:
        result = subprocess.run(
            list(argv),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{argv[0]} is not installed on this computer") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no answer within {timeout:.0f} s: {' '.join(argv)}") from error
    if check and result.returncode != 0:
        said = (result.stderr.strip() or result.stdout.strip())[-2000:]
        raise LabError(f"{' '.join(argv)} failed with {result.returncode}: {said}")
    return result


@contextlib.contextmanager
def lock(path: Path, timeout: float = 600.0) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; it goes with the process, however that ends.

    Raises:
        LabError: when somebody else still holds it after ``timeout`` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with path.open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabError(f"{path} has been locked for {timeout:.0f} s by another run") from None
                time.sleep(0.2)
        yield


def write_file(path: Path, text: str, mode: int = 0o644) -> bool:
    """Write ``text`` by rename, only when it differs; returns whether it did."""
    if path.is_file() and not path.is_symlink() and path.read_text() == text:
        return False
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as out:
        out.write(text)
    temporary.chmod(mode)
    temporary.rename(path)
    return True


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in ``path``, or an empty one when there is none to read."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: Mapping[str, Any]) -> bool:
    """Write ``value`` as sorted JSON; returns whether the file changed."""
    return write_file(path, json.dumps(value, indent=1, sort_keys=True) + "\n", 0o600)


def mounts_below(path: Path) -> list[str]:
    """Return the mount points at or below ``path``, deepest first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point == str(path) or point.startswith(f"{path}/"):
            found.append(point)
    return sorted(found, key=len, reverse=True)


def remove_tree(path: Path) -> None:
    """Remove a directory of ours: unmount what is below it, then delete within its file system.

    Raises:
        LabError: when something below it stays mounted; nothing is deleted then.
    """
    if path.is_symlink() or not path.is_absolute() or len(path.parts) < 3:
        raise LabError(f"refusing to remove {path}")
    for point in mounts_below(path):
        run(["umount", point], check=False)
    left = mounts_below(path)
    if left:
        raise LabError(f"still mounted: {', '.join(left)}; unmount it, then run this again")
    if path.exists():
        run(["rm", "-rf", "--one-file-system", "--", str(path)], timeout=300)
