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
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks.frames import Part, Session
from benchmarks.processes import resident_mib
from benchmarks.report import Row, Show

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
        return json.loads(line) | {"mib": resident_mib(self._process.pid)}


def run(session: Session, instruments: Sequence[int], rounds: int, frames: int, show: Show, *, install: bool) -> None:
    python = cryptofeed_python(install=install)
    for symbols in instruments:
        for tops in (False, True):
            part = session.of_many(symbols, frames, tops=tops)
            kinds = "depth, aggTrade, bookTicker" if tops else "depth, aggTrade"
            title = f"adapter and book, {symbols} instruments, {len(part.frames)} frames of {kinds}"
            show(title, compare(part, python, rounds))


def compare(part: Part, python: Path | None, rounds: int) -> list[Row]:
    """Measure ours, and cryptofeed where it is installed."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        files = part.write(Path(directory))
        commands = {"ours": [sys.executable, "-m", "benchmarks.worker_ours", *files]}
        if python is not None:
            commands[CRYPTOFEED] = [str(python), str(_HERE / "worker_cryptofeed.py"), *files]
        workers = {name: stack.enter_context(Worker(command)) for name, command in commands.items()}
        results = [{name: worker.round() for name, worker in workers.items()} for _ in range(rounds)]
    for result in results:
        assert len({(each["trades"], each["books"]) for each in result.values()}) == 1, result
    rates = {
        name: Row(name=name, unit="frames/CPU s", values=[len(part.frames) / result[name]["cpu"] for result in results])
        for name in workers
    }
    own = msgspec.structs.replace(rates.pop("ours"), target="2.5 x")
    memory = [
        Row(name=f"memory of {name}", unit="MiB", values=[result[name]["mib"] for result in results])
        for name in workers
    ]
    return [own, *(peer.beaten_by(own) for peer in rates.values()), *memory]


def cryptofeed_python(*, install: bool) -> Path | None:
    """Return the Python of a venv of cryptofeed's own, made when it is to be installed; None where there is none."""
    directory = _STATE / CRYPTOFEED.replace("==", "-")
    python, done = directory / "bin" / "python", directory / "installed"
    if not done.exists():
        if not install:
            return None
        venv.create(directory, with_pip=True, clear=True)
        if subprocess.run([python, "-m", "pip", "install", "-qq", CRYPTOFEED], check=False).returncode != 0:
            print(f"{CRYPTOFEED} cannot be installed; ours is measured alone")
            return None
        done.touch()
    return python
