"""Units and their journals, through systemctl and journalctl."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from marketprism.errors import UnavailableError
from marketprism.ops.doctor.evidence import Line, Unit

JOURNAL_SECONDS = 900
JOURNAL_LINES = 300
KILL_SECONDS = 1.0
_PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,StateChangeTimestamp,MemoryCurrent,MemoryMax,"
    "DropInPaths"
)


async def units(names: Sequence[str]) -> dict[str, Unit]:
    """Look at units and at the last minutes of their journals.

    Raises:
        UnavailableError: This host has no systemd that answers.
    """
    shown = await run("systemctl", "show", "--timestamp=unix", f"--property={_PROPERTIES}", *names)
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    journals = await asyncio.gather(*(_journal(name) for name in names))
    lines = dict(zip(names, journals, strict=True))
    return {block["Id"]: _unit(block, lines.get(block["Id"], ())) for block in blocks if "Id" in block}


def _unit(shown: Mapping[str, str], lines: tuple[Line, ...]) -> Unit:
    since = shown.get("StateChangeTimestamp", "")
    return Unit(
        name=shown["Id"],
        load=shown.get("LoadState", ""),
        state=shown.get("ActiveState", ""),
        sub=shown.get("SubState", ""),
        result=shown.get("Result", ""),
        exit_status=_number(shown.get("ExecMainStatus")) or 0,
        restarts=_number(shown.get("NRestarts")) or 0,
        since=float(since[1:]) if since.startswith("@") else None,
        memory_bytes=_number(shown.get("MemoryCurrent")),
        memory_limit_bytes=_number(shown.get("MemoryMax")),
        drop_ins=tuple(shown.get("DropInPaths", "").split()),
        lines=lines,
    )


def _number(text: str | None) -> int | None:
    """Read a number; systemd writes ``[not set]`` and ``infinity`` for none."""
    return int(text) if text is not None and text.isdigit() and int(text) < 2**63 else None


async def _journal(name: str) -> tuple[Line, ...]:
    try:
        printed = await run(
            # The newest first: with --since alone the limit would take the oldest.
            "journalctl", f"--unit={name}", f"--since=-{JOURNAL_SECONDS}s", "--reverse", f"--lines={JOURNAL_LINES}",
            "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE",
        )  # fmt: skip
    except UnavailableError:  # the unit's state is worth knowing without it
        return ()
    lines = [_line(json.loads(text)) for text in printed.splitlines() if text.startswith("{")]
    return tuple(reversed(lines))


def _line(entry: Mapping[str, Any]) -> Line:
    message = entry.get("MESSAGE")
    if isinstance(message, list):  # bytes that are not UTF-8
        message = bytes(message).decode(errors="replace")
    return Line(seconds=int(entry["__REALTIME_TIMESTAMP"]) / 1e6, text=str(message or ""))


async def run(*command: str) -> str:
    """Return what a program prints; cancelling ends it.

    Raises:
        UnavailableError: It does not exist or fails.
    """
    remedy = "run this on the host that is installed, as root"
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise UnavailableError(f"{command[0]} cannot be run: {error.strerror}", remedy=remedy) from error
    try:
        output, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        with contextlib.suppress(TimeoutError):  # one that even a kill does not end is left behind
            async with asyncio.timeout(KILL_SECONDS):
                await process.wait()
        raise
    if process.returncode:
        raise UnavailableError(f"{command[0]} fails: {complaint.decode(errors='replace').strip()[:200]}", remedy=remedy)
    return output.decode(errors="replace")
