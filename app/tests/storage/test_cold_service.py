"""How cold storage judges itself; the real process is tested in tests/integration/test_storage_cold_service.py."""

import time
from pathlib import Path

import pytest

from marketprism.contract.tables import TABLES
from marketprism.settings import Settings
from marketprism.storage.cold_service import ColdStorage

NOW = time.time_ns() // 1_000_000_000
NAMES = [table.name for table in TABLES.values()]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ColdStorage:
    """A service whose last run ended long ago and that has just begun."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "clickhouse-mover").write_text("secret")
    begun = ColdStorage(Settings(), {})
    begun._ready = True
    begun._recorded = {NAMES[0]: NOW - 3600}
    return begun


def late(service: ColdStorage) -> tuple[bool, object]:
    report = service.report()
    return report.healthy, report.details["too_far_behind"]


def test_the_first_round_takes_its_time_and_whatever_keeps_it_up_counts(service: ColdStorage) -> None:
    assert late(service) == (True, [])
    service._beat.cause = "ClickHouse does not answer"
    assert late(service) == (False, NAMES)


def test_after_it_a_table_that_is_too_far_behind_is_late(service: ColdStorage) -> None:
    service._went_round = True
    service._recorded |= dict.fromkeys(NAMES[1:], NOW - 130)
    assert late(service) == (False, [NAMES[0]])
    service._recorded[NAMES[0]] = NOW - 130
    assert late(service) == (True, [])
