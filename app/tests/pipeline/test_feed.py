"""One feed turns frames into events and never publishes a book that is not synchronised."""

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from marketprism.contract.events import (
    BookChange,
    BookSnapshot,
    Gap,
    Liquidation,
    Side,
    SnapshotReason,
    Trade,
    TradeIdKind,
)
from marketprism.pipeline.books import RETRY_NS
from marketprism.pipeline.feed import LOOK_NS, Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.markets import SPOT, instrument
from marketprism.venues.protocol import Observed, Purpose, Refusal, RestRequest
from tests.pipeline.venue import BTC as SWAP
from tests.pipeline.venue import TestVenue

SECOND = 1_000_000_000
VENUE = Binance(SPOT, [instrument(SPOT, "BTC-USDT")], ("trade", "orderbook"))
(BTC,) = VENUE.instruments().values()
(CONNECTION,) = VENUE.connections()
(REQUEST,) = VENUE.book_request(BTC)
assert isinstance(REQUEST, RestRequest)


def frame(stream: str, **data: Any) -> bytes:
    return json.dumps({"stream": f"btcusdt@{stream}", "data": {"s": "BTCUSDT", **data}}).encode()


def depth(first: int, last: int, bids: list[list[str]] | None = None, asks: list[list[str]] | None = None) -> bytes:
    return frame("depth@100ms", e="depthUpdate", E=1000 + last, U=first, u=last, b=bids or [], a=asks or [])


def trade(trade_id: int) -> bytes:
    return frame("trade", e="trade", E=1001, T=1000, t=trade_id, p="10.5", q="2", m=False)


def snapshot(update_id: int) -> bytes:
    return json.dumps({"lastUpdateId": update_id, "bids": [["10", "1"], ["9", "2"]], "asks": [["11", "3"]]}).encode()


def records(outputs: list[Output]) -> list[Record]:
    return [output for output in outputs if isinstance(output, Record)]


@pytest.fixture
def feed() -> Feed:
    return Feed(VENUE, book_depth=100, book_interval_ns=SECOND)


@pytest.fixture
def live(feed: Feed) -> Feed:
    feed.feed(depth(1, 2), 0)
    feed.answer(REQUEST, snapshot(1), 1)
    assert feed.book_states() == {BTC: "live"}
    return feed


def test_a_trade_becomes_a_record(feed: Feed) -> None:
    (record,) = records(feed.feed(trade(7), 5))
    assert record.data_type == "trade"
    assert isinstance(record.event, Trade)
    assert (record.event.trade_id, record.event.price, record.event.receive_ns) == (7, "10.5", 5)


def test_missing_trade_ids_are_a_gap_of_known_size(feed: Feed) -> None:
    feed.feed(trade(7), 5)
    gap, seen = records(feed.feed(trade(10), 6))
    assert gap.event == Gap(data_type="trade", after_id=7, before_id=10, size=2, timestamp_us=1_000_000, receive_ns=6)
    assert isinstance(seen.event, Trade)
    assert feed.counters.gaps == {"trade": 1}


def test_a_repeated_trade_is_refused_and_counted(feed: Feed) -> None:
    feed.feed(trade(7), 5)
    (refusal,) = feed.feed(trade(7), 6)
    assert isinstance(refusal, Refusal)
    assert feed.counters.refused == {"trade_repeated": 1}
    assert feed.counters.events["trade"] == 1


def test_the_first_book_snapshot_says_resync_and_holds_snapshot_and_deltas(feed: Feed) -> None:
    assert isinstance(feed.feed(depth(1, 2, bids=[["10", "7"]]), 0)[0], RestRequest)
    (record,) = records(feed.answer(REQUEST, snapshot(1), 1))
    event = record.event
    assert isinstance(event, BookSnapshot)
    assert event.reason is SnapshotReason.RESYNC
    assert (event.update_id, event.timestamp_us) == (2, 1_002_000)
    assert (event.bids, event.asks) == ([("10", "7"), ("9", "2")], [("11", "3")])


def test_books_are_published_once_an_interval_and_only_when_changed(live: Feed) -> None:
    assert records(live.feed(depth(3, 3, bids=[["10", "5"]]), SECOND // 2)) == []
    (record,) = records(live.due(SECOND))
    assert isinstance(record.event, BookSnapshot)
    assert (record.event.reason, record.event.update_id) == (SnapshotReason.INTERVAL, 3)
    assert live.due(5 * SECOND) == []


def test_frames_look_for_what_is_due_at_most_every_ten_milliseconds(live: Feed) -> None:
    live.due(SECOND - LOOK_NS // 2)
    assert records(live.feed(depth(3, 3), SECOND)) == [], "the interval has passed, and a look was just taken"
    (record,) = records(live.feed(trade(7), SECOND + LOOK_NS // 2))[:1]
    assert isinstance(record.event, BookSnapshot)
    assert record.event.update_id == 3


def test_a_lost_delta_stops_the_book_until_a_new_snapshot(live: Feed) -> None:
    gap, request = live.feed(depth(5, 6), 2 * SECOND)
    assert isinstance(gap, Record)
    assert gap.event == Gap(
        data_type="orderbook", after_id=2, before_id=5, size=None, timestamp_us=1_006_000, receive_ns=2 * SECOND
    )
    assert request == REQUEST
    assert records(live.due(10 * SECOND)) == []
    healed, record = records(live.answer(REQUEST, snapshot(5), 11 * SECOND))
    assert isinstance(healed.event, Gap)
    assert (healed.event.healed_by, healed.event.after_id, healed.event.before_id) == ("snapshot", 2, 5)
    assert isinstance(record.event, BookSnapshot)
    assert record.event.reason is SnapshotReason.RESYNC
    assert (live.counters.gaps, live.counters.healed) == ({"orderbook": 1}, {"orderbook": 1})


def test_every_change_of_a_synchronised_book_is_published_where_it_is_wanted() -> None:
    feed = Feed(VENUE, book_changes=True)
    feed.feed(depth(1, 2), 0)
    feed.answer(REQUEST, snapshot(1), 1)
    changes = [r.event for r in records(feed.feed(depth(3, 4, asks=[["11", "0"]]), 2)) if r.data_type != "orderbook"]
    assert changes == [
        BookChange(
            first_update_id=3, last_update_id=4, timestamp_us=1_004_000, receive_ns=2, bids=[], asks=[("11", "0")]
        )
    ]


def test_a_broken_connection_stops_its_books(live: Feed) -> None:
    live.disconnected(CONNECTION)
    assert live.book_states() == {BTC: "buffering"}
    assert records(live.due(10 * SECOND)) == []
    live.feed(depth(8, 9), 11 * SECOND)
    gap, healed, _ = records(live.answer(REQUEST, snapshot(7), 12 * SECOND))
    assert isinstance(gap.event, Gap)
    assert (gap.event.after_id, gap.event.before_id, gap.event.healed_by) == (2, 8, "")
    assert isinstance(healed.event, Gap)
    assert healed.event.healed_by == "snapshot"


def test_a_failed_snapshot_is_asked_for_again_later(feed: Feed) -> None:
    feed.feed(depth(1, 2), 0)
    feed.failed(REQUEST, 0)
    assert feed.due(RETRY_NS - 1) == []
    assert feed.due(RETRY_NS) == [REQUEST]
    assert feed.due(RETRY_NS) == []


def test_an_unreadable_snapshot_is_refused_and_asked_for_again(feed: Feed) -> None:
    feed.feed(depth(1, 2), 0)
    assert isinstance(feed.answer(REQUEST, b"<html>", 0)[0], Refusal)
    assert feed.due(RETRY_NS) == [REQUEST]


@pytest.fixture
def shallow() -> Feed:
    """A live book of which three levels a side are known, and two are published."""
    venue = Binance(replace(SPOT, depth_levels=3), VENUE.instruments().values(), ("orderbook",))
    feed = Feed(venue, book_depth=2, book_interval_ns=SECOND)
    feed.feed(depth(1, 2), 0)
    feed.answer(REQUEST, image(1, bids=("100", "99", "98"), asks=("101", "102", "103")), 1)
    assert feed.book_states() == {BTC: "live"}
    return feed


def image(update_id: int, bids: tuple[str, ...], asks: tuple[str, ...]) -> bytes:
    sides = {"bids": [[price, "1"] for price in bids], "asks": [[price, "1"] for price in asks]}
    return json.dumps({"lastUpdateId": update_id, **sides}).encode()


def published(outputs: list[Output]) -> list[list[tuple[str, str]]]:
    return [record.event.bids for record in records(outputs) if isinstance(record.event, BookSnapshot)]


def test_a_book_that_moves_towards_the_edge_of_its_image_asks_for_a_new_one_and_goes_on(shallow: Feed) -> None:
    assert shallow.feed(depth(3, 3, asks=[["101", "0"]]), 2) == []
    shallow.feed(depth(4, 4, bids=[["100", "0"]]), 3)
    outputs = shallow.due(SECOND)
    assert published(outputs) == [[("99", "1"), ("98", "1")]]
    (refresh,) = [output for output in outputs if isinstance(output, RestRequest)]
    assert (refresh.purpose, refresh.instrument, refresh.weight) == (Purpose.REFRESH, BTC, 250)
    shallow.feed(depth(5, 5, bids=[["99", "0"], ["96", "4"]]), SECOND + 1)
    outputs = shallow.due(2 * SECOND)
    assert published(outputs) == [[("98", "1"), ("96", "4")]], "97 has never been told"
    assert [output for output in outputs if isinstance(output, RestRequest)] == []
    shallow.answer(refresh, image(4, bids=("99", "98", "97"), asks=("102", "103", "104")), 2 * SECOND)
    shallow.feed(depth(6, 6, bids=[["98", "2"]]), 2 * SECOND + 1)
    assert published(shallow.due(3 * SECOND)) == [[("98", "2"), ("97", "1")]]
    assert (shallow.counters.refreshes, shallow.counters.uncertain) == (1, 1)
    assert shallow.counters.gaps == {}


def test_a_new_image_that_does_not_come_is_asked_for_again_after_a_minute(shallow: Feed) -> None:
    shallow.feed(depth(3, 3, bids=[["100", "0"]]), 2)
    (refresh,) = [output for output in shallow.due(SECOND) if isinstance(output, RestRequest)]
    shallow.failed(refresh, 2 * SECOND)
    shallow.feed(depth(4, 4, bids=[["98", "2"]]), 3 * SECOND)
    assert [output for output in shallow.due(60 * SECOND) if isinstance(output, RestRequest)] == []
    shallow.feed(depth(5, 5, bids=[["98", "3"]]), 61 * SECOND - 1)
    assert refresh in shallow.due(62 * SECOND)


def test_a_book_that_stays_crossed_starts_over(live: Feed) -> None:
    live.due(SECOND)
    live.feed(depth(3, 3, bids=[["12", "1"]]), SECOND)
    assert live.due(2 * SECOND) == []
    live.feed(depth(4, 5, bids=[["9", "1"]]), 61 * SECOND)
    assert live.due(62 * SECOND - 1) == []
    assert live.due(62 * SECOND) == [REQUEST]
    assert live.book_states() == {BTC: "buffering"}
    live.feed(depth(6, 6, bids=[["9", "3"]]), 64 * SECOND)
    (record,) = records(live.answer(REQUEST, snapshot(5), 65 * SECOND))
    assert isinstance(record.event, BookSnapshot)
    assert (record.event.update_id, record.event.reason) == (6, SnapshotReason.RESYNC)
    assert record.event.bids == [("10", "1"), ("9", "3")]


def test_a_crossed_book_is_never_published(live: Feed) -> None:
    live.feed(depth(3, 3, bids=[["12", "1"]]), 2 * SECOND)
    assert live.due(3 * SECOND) == []
    assert live.counters.book_checks.crossed == 1


def test_the_book_is_compared_with_the_tickers_of_equal_id(live: Feed) -> None:
    live.feed(frame("bookTicker", u=3, b="10", B="5", a="11", A="3"), 2)
    live.feed(depth(3, 3, bids=[["10", "5"]]), 3)
    live.feed(frame("bookTicker", u=4, b="10", B="6", a="11", A="3"), 4)
    live.feed(depth(4, 4), 5)
    checks = live.counters.book_checks
    assert (checks.compared, checks.equal) == (2, 1)


def test_what_comes_with_missing_trades_is_published_and_a_refused_one_stays_missing() -> None:
    venue = TestVenue()
    feed = Feed(venue)
    seen = Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=5,
        first_fill_id=5,
        last_fill_id=5,
        price="1",
        quantity="2",
        side=Side.BUY,
        timestamp_us=5,
        event_us=5,
        receive_ns=5,
    )

    def fill(number: int) -> Observed:
        fields = {"trade_id": number, "first_fill_id": number, "last_fill_id": number}
        return Observed("trade", SWAP, msgspec.structs.replace(seen, **fields))

    venue.events = [fill(5), fill(8)]
    (request,) = (output for output in feed.feed(b"", 1) if isinstance(output, RestRequest))
    assert (request.first_id, request.last_id) == (6, 7)
    forced = Liquidation(
        side=Side.SELL, price="1", quantity="2", contracts=None, ordinal=0, timestamp_us=6, receive_ns=9
    )
    venue.events = [fill(6), Observed("liquidation", SWAP, forced), Refusal("trades_number", "7")]
    outputs = feed.answer(request, b"", 2)
    assert [record.event for record in records(outputs)] == [fill(6).event, forced]
    (rest,) = (output for output in outputs if isinstance(output, RestRequest))
    assert (rest.first_id, rest.last_id) == (7, 7)
    assert feed.counters.refused == {"trades_number": 1}


def test_a_lost_connection_whose_next_change_continues_the_book_is_no_hole(live: Feed) -> None:
    live.disconnected(CONNECTION)
    live.feed(depth(3, 4), SECOND)
    (snapshot_record,) = records(live.answer(REQUEST, snapshot(2), 2 * SECOND))
    assert isinstance(snapshot_record.event, BookSnapshot)
    assert live.counters.gaps.total() == 0
