"""Which trades are missing, by the rows and by the ledger."""

import msgspec
import pytest

from marketprism.clickhouse_http import ClickHouseHttp
from marketprism.contract.events import Gap, TradeIdKind
from marketprism.contract.instruments import Source
from marketprism.ops.holes import Hole
from marketprism.ops.trade_gaps import TradeGaps, Wish
from marketprism.pipeline.outputs import Record
from marketprism.settings import Settings
from marketprism.venues.binance import markets as binance
from marketprism.venues.okx import markets as okx
from tests.integration.servers import ClickHouseServer
from tests.integration.stored import store
from tests.storage.envelopes import NOON_US, trade

pytestmark = pytest.mark.integration
BTC = binance.instrument(binance.SPOT, "BTC-USDT")
SWAP = okx.instrument(okx.SWAP, "BTC-USDT")
HOUR_US = 3_600_000_000
FOUND_NS = NOON_US * 1000 + 9


@pytest.fixture
def known(tables: ClickHouseServer, settings: Settings) -> TradeGaps:
    return TradeGaps(ClickHouseHttp(settings, "reader"), Source.SIMULATED, BTC)


def fills(*ids: int) -> list[Record]:
    return [Record("trade", BTC, trade(each, timestamp_us=NOON_US + each)) for each in ids]


def gap(after_id: int, before_id: int) -> Gap:
    size = before_id - after_id - 1
    times = {"timestamp_us": NOON_US + before_id, "receive_ns": NOON_US * 1000 + before_id * 1000}
    return Gap(data_type="trade", after_id=after_id, before_id=before_id, size=size, **times)


def healed(found: Gap) -> Gap:
    return msgspec.structs.replace(found, healed_by="rest", healed_ns=FOUND_NS)


def told(*gaps: Gap) -> list[Record]:
    return [Record("gap", BTC, each) for each in gaps]


def test_what_no_row_has_is_missing_at_the_edges_and_inside(known: TradeGaps, tables: ClickHouseServer) -> None:
    assert known.missing(Hole(0, 11)) == [Hole(0, 11)]
    store(tables, fills(3, 4, 8, 20))
    assert known.missing(Hole(0, 11)) == [Hole(0, 3), Hole(4, 8), Hole(8, 11)]
    assert known.missing(Hole(2, 5)) == []
    assert known.missing(Hole(8, 20)) == [Hole(8, 20)]


def test_aggregates_cover_their_fills(tables: ClickHouseServer, settings: Settings) -> None:
    ids = {"first_fill_id": 5, "last_fill_id": 9, "id_kind": TradeIdKind.AGGREGATE}
    store(tables, [Record("trade", SWAP, trade(9, **ids)), Record("trade", SWAP, trade(12))])
    known = TradeGaps(ClickHouseHttp(settings, "reader"), Source.SIMULATED, SWAP)
    assert known.missing(Hole(6, 15)) == [Hole(9, 12), Hole(12, 15)]


def test_open_entries_come_with_what_is_still_missing_of_them(known: TradeGaps, tables: ClickHouseServer) -> None:
    first, second = gap(2, 9), gap(20, 22)
    store(tables, [*fills(2, 5, 9, 20, 21, 22), *told(first, second, gap(30, 40), healed(gap(30, 40)))])
    assert known.of_ledger() == [Wish([Hole(2, 5), Hole(5, 9)], first), Wish([], second)]


def test_a_range_is_its_open_entries_and_the_rest_of_what_is_missing(
    known: TradeGaps, tables: ClickHouseServer
) -> None:
    store(tables, [*fills(2, 9, 12), *told(gap(2, 9), gap(40, 50))])
    assert known.of_range(Hole(0, 15)) == [
        Wish([Hole(2, 9)], gap(2, 9)),
        Wish([Hole(0, 2), Hole(9, 12), Hole(12, 15)]),
    ]
    assert known.of_range(Hole(1, 3)) == []


def test_holes_that_the_ledger_does_not_know_are_to_be_told(known: TradeGaps, tables: ClickHouseServer) -> None:
    """One hole is open in the ledger, one is called healed, one has never been told."""
    store(tables, [*fills(1, 5, 8, 12), *told(gap(1, 5), gap(5, 8), healed(gap(5, 8)))])
    new = Gap(data_type="trade", after_id=8, before_id=12, size=3, timestamp_us=NOON_US + 12, receive_ns=FOUND_NS)
    assert known.untold(NOON_US, NOON_US + HOUR_US, FOUND_NS) == [
        Wish([Hole(5, 8)]),
        Wish([Hole(8, 12)], new, is_told=False),
    ]
    assert known.untold(NOON_US + 9, NOON_US + HOUR_US, FOUND_NS) == []
    assert known.untold(NOON_US, NOON_US + 12, FOUND_NS) == [Wish([Hole(5, 8)])]
