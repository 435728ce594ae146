"""The tree keeps its own rules: one test file per module, names of the field, sizes that can be read."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "marketprism"
MODULES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py") if not path.name.startswith("__"))
TESTED_ELSEWHERE = {
    "cli/backup.py": "real servers; tests/integration/test_ops_backup.py",
    "clickhouse_http.py": "real ClickHouse; tests/integration/test_storage_apply.py and test_storage_mover.py",
    "errors.py": "exception classes without behaviour of their own",
    "collector/counters.py": "values; tests/collector/test_lane.py and test_overflow.py",
    "contract/books.py": "values; tests/book and tests/venues",
    "contract/events.py": "values; tests/contract/test_wire.py",
    "contract/tables.py": "a table of values; tests/contract/test_schema.py and the integration tests",
    "venues/protocol.py": "values and an interface",
    "pipeline/outputs.py": "values and counters; tests/pipeline/test_feed.py",
    "venues/binance/messages.py": "wire structs; tests/venues/binance/test_adapter.py",
    "cli/collector.py": "the real process; tests/integration/test_collector_*.py and molecule/collector",
    "cli/audit.py": "real servers; tests/integration/test_ops_audit.py",
    "cli/book_at.py": "real ClickHouse; tests/integration/test_ops_book_at.py",
    "cli/dead_letters.py": "real NATS; tests/integration/test_ops_dead_letters.py",
    "cli/optimize.py": "real ClickHouse; tests/integration/test_ops_optimize.py",
    "cli/trial.py": "three lines of output; tests/collector/test_trial.py and tests/integration/test_ops_trials.py",
    "cli/probe.py": "lines of output; tests/collector/test_probe.py",
    "cli/storage.py": "the real process; tests/integration/test_storage_*.py and molecule/storage",
    "ops/delivery.py": "real servers; tests/integration/test_ops_audit.py",
    "ops/doctor/evidence.py": "values; tests/ops/doctor/faults.py",
    "ops/doctor/findings.py": "values; tests/ops/doctor/test_verdict.py",
    "ops/doctor/sources/clickhouse.py": "real ClickHouse; tests/integration/test_ops_gather.py",
    "ops/doctor/texts/chinese.py": "texts; tests/ops/doctor/texts/test_languages.py",
    "ops/doctor/texts/english.py": "texts; tests/ops/doctor/texts/test_languages.py",
    "ops/doctor/texts/words.py": "values; tests/ops/doctor/texts/test_languages.py",
    "ops/drift.py": "real servers; tests/integration/test_storage_apply.py",
    "ops/schema.py": "real ClickHouse; tests/integration/test_storage_apply.py",
    "ops/restore.py": "real servers; tests/integration/test_ops_backup.py",
    "ops/snapshots.py": "real NATS; tests/integration/test_ops_backup.py",
    "ops/sequences.py": "real ClickHouse; tests/integration/test_ops_audit.py",
    "ops/stored_events.py": "real ClickHouse; tests/integration/test_ops_audit.py",
    "ops/streams.py": "real NATS; tests/integration/test_storage_apply.py",
    "sim/facts.py": "values; tests/sim/test_market.py",
    "storage/dead_letters.py": "real NATS; tests/integration/test_storage_flow.py",
    "storage/identities.py": "real ClickHouse; tests/integration/test_storage_writer.py",
    "storage/link.py": "real NATS; tests/integration/test_storage_flow.py",
    "storage/tier.py": "real ClickHouse; tests/integration/test_storage_mover.py",
    "storage/watermarks.py": "real ClickHouse; tests/integration/test_storage_cold_service.py",
    "storage/service.py": "the real process; tests/integration/test_storage_flow.py",
}
FORBIDDEN = {"utils", "helpers", "common", "base", "manager", "factory", "handler", "misc", "core"}
MAX_LINES = 400


def test_there_are_modules_to_check() -> None:
    assert len(MODULES) > 40


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_has_its_test_file(module: Path) -> None:
    name = module.as_posix()
    own = ROOT / "tests" / module.parent / f"test_{module.name}"
    integration = list((ROOT / "tests" / "integration").glob(f"test_{module.parts[0]}_{module.stem}*.py"))
    assert own.exists() or integration or name in TESTED_ELSEWHERE, f"{name} has no {own.relative_to(ROOT)}"


def test_exceptions_from_the_rule_exist() -> None:
    assert set(TESTED_ELSEWHERE) <= {module.as_posix() for module in MODULES}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_small_and_named_for_what_it_holds(module: Path) -> None:
    assert len((SOURCE / module).read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    assert module.stem not in FORBIDDEN
