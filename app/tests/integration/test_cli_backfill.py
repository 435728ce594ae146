"""A backfill against simulated venues, real NATS, the real storage service and the real ClickHouse."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import yaml
from typer.testing import CliRunner

from marketprism.cli import app
from marketprism.contract.events import Gap, TradeIdKind
from marketprism.contract.instruments import Instrument
from marketprism.errors import ConfigurationError
from marketprism.pipeline.outputs import Record
from marketprism.settings import load
from marketprism.venues.binance import markets as binance
from marketprism.venues.okx import markets as okx
from tests.collector.simulated import exchanges, reached
from tests.integration.flows import StorageService
from tests.integration.servers import ClickHouseServer, eventually
from tests.integration.stored import store
from tests.storage.envelopes import NOON_US, trade

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("streams")]
VENUES = ("binance-spot", "binance-usdm", "okx-swap", "deribit")
SWAP = okx.instrument(okx.SWAP, "BTC-USDT", contract_size="0.01")
SPOT = binance.instrument(binance.SPOT, "BTC-USDT")


@pytest.fixture
async def host(tmp_path: Path, config_file: Path, tables: ClickHouseServer) -> AsyncIterator[str]:
    """Simulated venues with some hundred trades each, and storage that runs."""
    async with exchanges(rate=40.0, symbols=("BTCUSDT",)) as address:
        content = yaml.safe_load(await asyncio.to_thread(config_file.read_text))
        addresses = {name: reached(name, address) for name in VENUES}
        content["venues"] = {
            name: {"rest_url": each.rest_url, "ws_url": each.ws_url, "symbols": list(each.symbols)}
            for name, each in addresses.items()
        } | {"okx-spot": {"enabled": False}}
        await asyncio.to_thread(config_file.write_text, yaml.safe_dump(content))
        service = StorageService(tmp_path, config_file, load(config_file, environ={}))
        await asyncio.to_thread(service.start)
        await asyncio.sleep(2)  # the markets trade
        yield address
        await asyncio.to_thread(service.stop)


async def run(config_file: Path, *arguments: str, code: int = 0) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "marketprism",
        "backfill",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        | {"MARKETPRISM_CONFIG": str(config_file)},
    )
    output, errors = await process.communicate()
    assert process.returncode == code, (output, errors)
    return output.decode()


async def get(host: str, path: str) -> list[dict[str, str]]:
    async with aiohttp.ClientSession() as http, http.get(f"http://{host}{path}") as answer:
        return json.loads(await answer.read())


async def rows(tables: ClickHouseServer, count: int, columns: str = "trade_id", where: str = "1") -> str:
    """Return rows of trades when so many are there."""
    query = f"SELECT count() FROM marketprism_hot.trades WHERE {where}"
    await asyncio.to_thread(eventually, lambda: tables.number(query) >= count, 20, f"{count} rows")
    await asyncio.sleep(1.5)  # and no more come
    assert tables.number(query) == count
    return tables.query(f"SELECT {columns} FROM marketprism_hot.trades WHERE {where} ORDER BY trade_id")


async def newest(host: str) -> int:
    (last,) = await get(host, "/spot/api/v3/trades?symbol=BTCUSDT&limit=1")
    return int(last["id"])


async def test_a_range_of_ids_is_stored_once_whatever_was_there(host: str, tables: ClickHouseServer, config_file: Path):
    last = await newest(host)
    wanted = ("--venue", "binance-spot", "--type", "trade", "--symbol", "BTC-USDT")
    part = await run(config_file, *wanted, "--from", str(last - 40), "--to", str(last - 31))
    assert part == f"binance-spot trade BTC-USDT {last - 40}-{last - 31}: 10 events\n"
    await rows(tables, 10)
    all_of_it = ("--from", str(last - 50), "--to", str(last))
    result = await run(config_file, *wanted, *all_of_it)
    assert result == f"binance-spot trade BTC-USDT {last - 50}-{last - 41}, {last - 30}-{last}: 41 events\n"
    columns = "trade_id, toString(price), toString(quantity), toUnixTimestamp64Milli(timestamp), source"
    stored = [line.split("\t") for line in (await rows(tables, 51, columns)).splitlines()]
    served = await get(host, f"/spot/api/v3/historicalTrades?symbol=BTCUSDT&fromId={last - 50}&limit=51")
    assert [(row[0], float(row[1]), float(row[2]), row[3], row[4]) for row in stored] == [
        (str(each["id"]), float(each["price"]), float(each["qty"]), str(each["time"]), "simulated") for each in served
    ]
    assert (await run(config_file, *wanted, *all_of_it)) == ""
    await rows(tables, 51)


def aggregate(first: int, last: int) -> Record:
    ids = {"first_fill_id": first, "last_fill_id": last, "id_kind": TradeIdKind.AGGREGATE}
    return Record("trade", SWAP, trade(last, **ids))


def gap(instrument: Instrument, after_id: int, before_id: int) -> Record:
    size = before_id - after_id - 1
    times = {"timestamp_us": NOON_US, "receive_ns": NOON_US * 1000}
    return Record("gap", instrument, Gap(data_type="trade", after_id=after_id, before_id=before_id, size=size, **times))


async def test_open_holes_are_filled_beside_aggregates_and_the_ledger_is_healed(
    host: str, tables: ClickHouseServer, config_file: Path
):
    """Of the ten missing fills two came late: eight are fetched, and none that an aggregate covers."""
    (history,) = [await get(host, "/api/v5/market/history-trades?instId=BTC-USDT-SWAP&limit=1")]
    last = int(history["data"][0]["tradeId"])
    store(tables, [aggregate(last - 20, last - 11), aggregate(last, last + 4), aggregate(last - 7, last - 6)])
    store(tables, [gap(SWAP, last - 11, last)])
    result = await run(config_file, "--gaps", "--venue", "okx-swap")
    runs = f"{last - 10}-{last - 8}, {last - 5}-{last - 1}"
    assert result.splitlines()[:-1] == [f"okx-swap trade BTC-USDT {runs}: 8 events"]
    ids = (await rows(tables, 8, "trade_id", "id_kind = 'fill'")).split()
    assert ids == [str(last + i) for i in (-10, -9, -8, -5, -4, -3, -2, -1)]
    ledger = "SELECT after_id, before_id, size, healed_by FROM marketprism_hot.gaps"
    assert tables.query(ledger) == f"{last - 11}\t{last}\t10\tbackfill\n"
    again = await run(config_file, "--gaps", "--venue", "okx-swap")
    assert re.fullmatch(r"looked at everything until \S+; the minute after it is the collector's\n", again)


async def test_a_hole_that_the_venue_does_not_fill_is_told_and_written_off(
    host: str, tables: ClickHouseServer, config_file: Path
):
    last = await newest(host)
    store(tables, [gap(SPOT, last + 1_000_000, last + 1_000_010)])
    result = await run(config_file, "--gaps", "--venue", "binance-spot", code=3)
    first = last + 1_000_001
    problem = f"the venue has no trades {first} to {first + 8} any more"
    assert result.splitlines()[:-1] == [f"binance-spot trade BTC-USDT {first}-{first + 8}: 0 events; {problem}"]
    assert tables.query("SELECT healed_by FROM marketprism_hot.gaps") == "nobody\n"
    again = await run(config_file, "--gaps", "--venue", "binance-spot")
    assert again.startswith("looked at everything"), "nobody is asked twice"


async def test_the_ratios_of_some_hours_are_stored_once(host: str, tables: ClickHouseServer, config_file: Path):
    arguments = ("--type", "lsr_all_account", "--from", "12h", "--to", "1h")
    query = "SELECT count(), uniqExact((exchange, timestamp)) FROM marketprism_hot.lsr_all_accounts"
    for _ in range(2):
        result = await run(config_file, *arguments)
        counts = {line.partition(" ")[0]: line.rpartition(": ")[2] for line in result.splitlines()}
        assert counts == {"binance-usdm": "132 events", "okx-swap": "132 events"}
        await asyncio.to_thread(eventually, lambda: tables.query(query) == "264\t264\n", 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs --gaps or a range"),
        (("--gaps", "--from", "1", "--to", "2"), "needs --gaps or a range"),
        (("--from", "1h"), "needs --gaps or a range"),
        (("--venue", "kraken", "--gaps"), "venue 'kraken' is unknown; known are binance-spot"),
        (("--type", "orderbook", "--gaps"), "there is no past of 'orderbook'"),
        (("--type", "funding_rate", "--gaps"), "the ledger has no holes of funding_rate"),
        (("--from", "5", "--to", "9"), "ids are those of one symbol's trades"),
        (("--from", "2h", "--to", "3h"), "--from 2h is after --to 3h"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_before_anything_is_asked(
    arguments: tuple[str, ...], message: str, config_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETPRISM_CONFIG", str(config_file))
    result = CliRunner().invoke(app, ["backfill", *arguments])
    assert isinstance(result.exception, ConfigurationError)
    assert message in str(result.exception)


async def test_trades_that_are_too_old_do_not_keep_the_rest_from_its_past(
    host: str, tables: ClickHouseServer, config_file: Path
):
    """USD-M futures tell the trades of two days, and the ratios of a month."""
    result = await run(config_file, "--venue", "binance-usdm", "--from", "5d", "--to", "4d", code=3)
    trades, *others = result.splitlines()
    assert "does not tell the trade" in trades
    assert "-4166 Search window" in trades
    counts = {line.split()[1]: line.rpartition(": ")[2] for line in others}
    assert (counts["lsr_top_position"], counts["lsr_all_account"]) == ("288 events", "288 events")


async def test_a_venue_that_is_away_does_not_keep_the_others_from_their_past(
    host: str, tables: ClickHouseServer, config_file: Path
):
    content = yaml.safe_load(await asyncio.to_thread(config_file.read_text))
    content["venues"]["binance-usdm"]["rest_url"] = "http://127.0.0.1:1"
    await asyncio.to_thread(config_file.write_text, yaml.safe_dump(content))
    result = await run(config_file, "--type", "lsr_all_account", "--from", "3h", "--to", "2h", code=3)
    usdm, swap = (line for line in result.splitlines() if line.startswith(("binance-usdm", "okx-swap")))
    assert "127.0.0.1" in usdm
    assert swap.endswith("12 events")
