"""The file of one repair: a lock, copies of what it changes, and a line in the record.

Run on the managed host by its own Python, whatever state the application is in:
``open ROOT PROBLEM BY COMMIT LIMIT REPORT`` prints the case's directory; ``keep CASE PATH…``, ``aside CASE PATH…`` and
``restore CASE`` take what was there; ``close CASE RESULT REASON REPORT`` writes the record and gives the lock back.
``know ROOT PATH…`` copies files while all is well, ``differing ROOT PATH…`` lists those that have changed since, and
``recall CASE ROOT PATH…`` brings them back.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LOCK_SECONDS = 1800
"""A lock that is older belongs to a run that was interrupted: no repair takes as long."""
RATE_SECONDS = 3600
NOTES = "notes.jsonl"
BUSY_UNITS = ("marketprism-backup.service", "marketprism-drill.service")


class RefusedError(Exception):
    """The repair must not begin."""


def begin(root: Path, problem: str, *, by: str, commit: str, limit: int, report: dict[str, Any]) -> Path:
    """Take the lock and open a case.

    Raises:
        RefusedError: Another repair runs, too many ran, or the host is busy.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = time.time_ns() / 1e9
    recent = [entry for entry in recorded(root) if entry["problem"] == problem and now - entry["began"] < RATE_SECONDS]
    if len(recent) >= limit:
        raise RefusedError(f"{problem} was repaired {len(recent)} times in the last hour; a person has to look")
    busy = _busy()
    if busy:
        raise RefusedError(f"{', '.join(busy)} is at work; wait until it is done")
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    case = root / f"{stamp}-{problem}"
    _lock(root / "lock", case.name, now)
    case.mkdir(mode=0o700)
    opened = {"problem": problem, "by": by, "commit": commit, "began": now, "before": report}
    (case / "case.json").write_text(json.dumps(opened, indent=1), encoding="utf-8")
    return case


def recorded(root: Path) -> Iterator[dict[str, Any]]:
    """Read the record, oldest first."""
    path = root / "record.jsonl"
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        yield json.loads(line)


def _busy() -> list[str]:
    shown = subprocess.run(
        ["systemctl", "is-active", *BUSY_UNITS], capture_output=True, text=True, check=False
    ).stdout.split()
    return [unit for unit, state in zip(BUSY_UNITS, shown, strict=False) if state in {"active", "activating"}]


def _lock(path: Path, name: str, now: float) -> None:
    try:
        if now - path.stat().st_mtime > LOCK_SECONDS:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(name)
    except FileExistsError:
        raise RefusedError(f"the repair {path.read_text(encoding='utf-8')} is at work; wait until it is done") from None


def keep(case: Path, paths: list[Path]) -> None:
    """Copy files as they are; note those that do not exist."""
    for path in paths:
        if path.exists():
            copy = _place(case, path)
            _copy(path, copy)
            _note(case, path, copy, "copied")
        else:
            _note(case, path, path, "absent")


def aside(case: Path, paths: list[Path]) -> None:
    """Move files or directories out of the way, into the case or, from another disk, beside themselves.

    What may be larger than the free space is not copied.
    """
    for path in paths:
        for place in (_place(case, path), path.with_name(f"{path.name}.{case.name}")):
            try:
                path.rename(place)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                continue
            _note(case, path, place, "moved")
            break


def restore(case: Path) -> list[str]:
    """Put everything back, the last first; what stands there now is moved beside. Returns what was put back."""
    notes = case / NOTES
    entries = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()] if notes.exists() else []
    for entry in reversed(entries):
        path, place = Path(entry["path"]), Path(entry["place"])
        if path.exists():
            path.rename(path.with_name(f"{path.name}.failed-{case.name}"))
        if entry["how"] == "copied":
            _copy(place, path)
        elif entry["how"] == "moved":
            place.rename(path)
    return [entry["path"] for entry in entries]


def _place(case: Path, path: Path) -> Path:
    place = case / "before" / path.relative_to("/")
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def _note(case: Path, path: Path, place: Path, how: str) -> None:
    with (case / NOTES).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"path": str(path), "place": str(place), "how": how}) + "\n")


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its times, mode and owner."""
    shutil.copy2(source, target)
    status = source.stat()
    os.chown(target, status.st_uid, status.st_gid)


def know(root: Path, paths: list[Path]) -> list[str]:
    """Keep files as they are while all is well. Returns those that changed."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    changed = [path for path in paths if path.is_file() and not _is_known(root, path)]
    for path in changed:
        known = _known(root, path)
        known.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy(path, known)
    return [str(path) for path in changed]


def differing(root: Path, paths: list[Path]) -> list[str]:
    """List files of which another state worked."""
    return [str(path) for path in paths if _known(root, path).exists() and not _is_known(root, path)]


def recall(case: Path, root: Path, paths: list[Path]) -> None:
    """Bring back what worked; what stands there now is kept in the case."""
    keep(case, paths)
    for path in paths:
        _copy(_known(root, path), path)


def _known(root: Path, path: Path) -> Path:
    return root / "known-good" / path.relative_to("/")


def _is_known(root: Path, path: Path) -> bool:
    known = _known(root, path)
    return (
        known.exists() and path.exists() and known.read_bytes() == path.read_bytes() and _rights(known) == _rights(path)
    )


def _rights(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mode, status.st_uid, status.st_gid


def close(case: Path, result: str, reason: str, report: dict[str, Any]) -> dict[str, Any]:
    """Write the record and give the lock back."""
    now = time.time_ns() / 1e9
    opened = json.loads((case / "case.json").read_text(encoding="utf-8"))
    before = opened["before"]
    mine = [found for found in before["findings"] if found["problem"] == opened["problem"]]
    entry = {
        **{key: opened[key] for key in ("problem", "by", "commit", "began")},
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "host": os.uname().nodename,
        "seconds": round(now - opened["began"], 1),
        "result": result,
        "reason": reason.strip()[:500],
        "evidence": mine[0]["evidence"] if mine else [],
        "before": {"verdict": before["verdict"], "roots": before["roots"]},
        "after": {"verdict": report.get("verdict"), "roots": report.get("roots", [])},
        "case": str(case),
    }
    (case / "after.json").write_text(json.dumps(report, indent=1), encoding="utf-8")
    with (case.parent / "record.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    (case.parent / "lock").unlink(missing_ok=True)
    return entry


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    command, place, *rest = arguments
    try:
        if command == "open":
            problem, by, commit, limit, report = rest
            print(begin(Path(place), problem, by=by, commit=commit, limit=int(limit), report=json.loads(report)))
        elif command in {"keep", "aside"}:
            {"keep": keep, "aside": aside}[command](Path(place), [Path(path) for path in rest])
        elif command in {"know", "differing"}:
            print(
                "\n".join({"know": know, "differing": differing}[command](Path(place), [Path(path) for path in rest])),
                end="",
            )
        elif command == "recall":
            root, *paths = rest
            recall(Path(place), Path(root), [Path(path) for path in paths])
        elif command == "restore":
            print("\n".join(restore(Path(place))), end="")
        else:
            result, reason, report = rest
            print(json.dumps(close(Path(place), result, reason, json.loads(report))))
    except RefusedError as refused:
        print(f"nothing was changed: {refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
