"""The full look at health against real servers: what the doctor finds, and what is missing in the last week."""

from pathlib import Path

import pytest

from marketprism.ops import full_health
from marketprism.settings import Settings
from tests.integration.servers import ClickHouseServer
from tests.integration.tiers import add_trades

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]


@pytest.fixture(autouse=True)
def installed(config_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))


async def test_a_hole_of_the_last_week_is_named_beside_what_the_doctor_finds(
    settings: Settings, tables: ClickHouseServer
) -> None:
    """Nobody collects here, and every second id is of another symbol: 49 are missing of each."""
    add_trades(tables, tables.query("SELECT now('UTC') - toIntervalDay(6)").strip(), 100)
    add_trades(tables, tables.query("SELECT now('UTC') - toIntervalDay(8)").strip(), 1, first=1_001)
    doctor, *audit = await full_health.problems(settings)
    assert doctor.startswith("doctor: broken: ")
    assert "storage-down" in doctor
    assert audit == [
        f"audit: trade binance spot {symbol}: 49 missing ids are in no ledger" for symbol in ("BTC-USDT", "ETH-USDT")
    ]


async def test_a_server_that_is_away_is_a_finding(settings: Settings, tables: ClickHouseServer) -> None:
    away = settings.model_copy(update={"nats": settings.nats.model_copy(update={"url": "nats://127.0.0.1:1"})})
    *_, audit = await full_health.problems(away)
    assert audit.startswith("audit: NATS at nats://127.0.0.1:1 cannot be reached")
