"""Every fault of the exchanges against the real collector: noticed, healed, and told in the ledger as it was."""

import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from marketprism.collector.repeats import TELL_SECONDS
from tests.integration.servers import ClickHouseServer
from tests.integration.venue_faults import cases, ledger
from tests.integration.venue_faults.cases import Case
from tests.integration.venue_faults.run import HEAD, Run
from tests.integration.venue_faults.stage import Stage, stage


def play(on: Stage, wanted: tuple[Case, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Play cases, print their table, and judge it."""
    process = on.collector.process
    assert process is not None
    with capsys.disabled():
        results = Run(on, lambda text: _tell(f"  {text}")).play(wanted)
        compared, wrong = ledger.wrong_books(on.clickhouse, on.wire)
        _tell("\n".join(("", HEAD, *(result.row() for result in results), f"{compared} books compared")))
    problems = [(str(r.case), r.case.venue, r.problems) for r in results if r.problems]
    assert (problems, wrong) == ([], [])
    assert compared > 0
    assert refusals_told_too_often(on.collector.log()) == []
    assert process.poll() is None
    assert "Traceback" not in on.collector.log()


def refusals_told_too_often(log: str) -> list[str]:
    """Return lines about refused frames that repeat one of the same venue and reason within a minute."""
    told: dict[tuple[str, str], datetime] = {}
    found = []
    for line in log.splitlines():
        if '"event": "refused"' not in line:
            continue
        entry = json.loads(line)
        kind, at = (entry["venue"], entry["reason"]), datetime.fromisoformat(entry["timestamp"])
        if kind in told and (at - told[kind]).total_seconds() < TELL_SECONDS:
            found.append(line)
        told[kind] = at
    return found


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(cases.SHORT, id="short", marks=[pytest.mark.integration, pytest.mark.timeout(300)]),
        pytest.param(cases.ALL, id="all", marks=[pytest.mark.venue_faults, pytest.mark.timeout(3600)]),
    ],
)
def test_every_fault_of_each_exchange_is_noticed_healed_and_told(
    wanted: tuple[Case, ...],
    tmp_path: Path,
    config_file: Path,
    tables: ClickHouseServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with stage(tmp_path, config_file, tables) as on:
        assert on.kinds() == {case.fault for case in cases.ALL}
        play(on, wanted, capsys)
