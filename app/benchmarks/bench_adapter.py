"""Adapter and book against cryptofeed: the same frames of many instruments through both, in turns.

Both sides decode the frames, check the books' sequences, keep the books and hand over every trade and every change of a
book; ours also checks every number, every trade id and, where bookTicker frames come, the book's top against them. Both
run in processes of their own. Rates are frames per second of the process's own CPU time, so that what else runs on
the machine bears less on them.
"""

import json
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack
from pathlib import Path

from benchmarks.frames import Frames, Session
from benchmarks.report import Row, Show, compared

CRYPTOFEED = "cryptofeed==2.4.1"
"""The newest release for Python 3.11."""

_HERE = Path(__file__).parent
_STATE = _HERE.parents[1] / ".state" / "benchmarks"
Result = dict[str, float]


class Worker:
    """A process that feeds the same frames whenever it is asked; use as a context."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=_HERE.parent
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()

    def round(self) -> Result:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("go\n")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args} ended with {self._process.wait()}")
        return json.loads(line)


def run(session: Session, rounds: int, frames: int, show: Show) -> None:
    python = cryptofeed_python()
    for symbols in (20, 500):
        for tops in (False, True):
            part = session.of_many(symbols, frames if symbols < 100 else 3 * frames, tops=tops)
            kinds = "depth, aggTrade, bookTicker" if tops else "depth, aggTrade"
            show(
                f"adapter + book, {symbols} symbols, {len(part)} frames ({kinds})",
                compare(part, session, python, rounds),
            )


def compare(frames: Frames, session: Session, python: Path, rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        paths = Path(directory, "frames"), Path(directory, "image")
        paths[0].write_bytes(b"".join(b"%d %s\n" % each for each in frames))
        paths[1].write_bytes(session.image)
        files = [str(path) for path in paths]
        peer = stack.enter_context(Worker([str(python), str(_HERE / "worker_cryptofeed.py"), *files]))
        ours = stack.enter_context(Worker([sys.executable, "-m", "benchmarks.worker_ours", *files]))
        results = [(peer.round(), ours.round()) for _ in range(rounds)]
    for theirs, own in results:
        assert (theirs["trades"], theirs["books"]) == (own["trades"], own["books"]), (theirs, own)
    yardstick, own = (
        Row(
            name=name,
            unit="frames/CPU s",
            values=[len(frames) / result[side]["cpu"] for result in results],
            target=target,
        )
        for side, (name, target) in enumerate([(CRYPTOFEED, ""), ("ours", "2.5 x")])
    )
    memory = [
        Row(name=f"{name}, memory grown by the books", unit="MiB", values=[results[-1][side]["grown_mib"]])
        for side, name in enumerate([CRYPTOFEED, "ours"])
    ]
    return [*compared(own, yardstick), *memory]


def cryptofeed_python() -> Path:
    """Return the Python of a venv of cryptofeed's own, made when it is first needed."""
    directory = _STATE / CRYPTOFEED.replace("==", "-")
    python = directory / "bin" / "python"
    done = directory / "installed"
    if not done.exists():
        venv.create(directory, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", CRYPTOFEED], check=True)
        done.touch()
    return python
