"""Compare a release's virtual environment with its lock: versions, and the hash of every installed file.

Run on the managed host by its own Python, as the environment may be too damaged to run anything.
``environment.py RELEASE`` prints ``{"damage": [sentence, …]}``.
"""

import base64
import csv
import hashlib
import json
import re
import sys
from pathlib import Path

SHOWN = 5


def damage(release: Path) -> list[str]:
    """List what differs from the lock, the first few of it."""
    packages = next(iter(sorted((release / "venv" / "lib").glob("python3*/site-packages"))), None)
    if packages is None:
        return [f"{release}/venv has no packages"]
    lock = release / "wheels" / "lock.txt"
    if not lock.exists():
        return [f"{release} keeps no wheels; deploy again from the clone"]
    infos = sorted(packages.glob("*.dist-info"))
    installed = {(_name(info.stem.partition("-")[0]), info.stem.partition("-")[2]) for info in infos}
    found = []
    for name, version in locked(lock):
        if (name, version) not in installed:
            found.append(f"{name} {version} is not installed")
    for info in infos:
        found += _damaged(packages, info)
    return found[:SHOWN] + ([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])


def locked(lock: Path) -> list[tuple[str, str]]:
    """Read names and versions of a lock file."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return [(_name(name), version) for name, version in pins]


def _name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _damaged(packages: Path, info: Path) -> list[str]:
    found = []
    with (info / "RECORD").open(encoding="utf-8", newline="") as file:
        for path, digest, _ in csv.reader(file):
            if not digest or path.endswith(".pyc"):
                continue
            kind, _, wanted = digest.partition("=")
            try:
                content = (packages / path).read_bytes()
            except OSError as error:
                found.append(f"{path}: {error.strerror}")
                continue
            actual = base64.urlsafe_b64encode(hashlib.new(kind, content).digest()).rstrip(b"=").decode()
            if actual != wanted:
                found.append(f"{path} is not as installed")
    return found


if __name__ == "__main__":
    print(json.dumps({"damage": damage(Path(sys.argv[1]))}))
