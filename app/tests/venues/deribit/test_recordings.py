"""Recorded frames of 2019, 2021 and 2026 become the exchange's own numbers."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.events import BookSnapshot, FundingRate, OpenInterest, Side, Trade
from marketprism.contract.instruments import Exchange, Instrument, Market
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Record
from marketprism.venues.deribit.adapter import Deribit
from marketprism.venues.protocol import SECOND_NS, Notice, NoticeKind, Observed, VenueEvent
from tests.recordings import RECORDINGS, needs_recording
from tests.venues.deribit.frames import BTC

OPTIONS = RECORDINGS / "cryptofeed" / "sample_data" / "DERIBIT.ws.1.0"
pytestmark = needs_recording("cryptofeed")
TYPES = ("trade", "orderbook", "orderbook_delta", "funding_rate", "open_interest", "liquidation", "volatility_index")


def recorded_options() -> list[tuple[int, bytes]]:
    """Received frames with the time of their receipt, in nanoseconds."""
    lines = (line.partition(": ") for line in OPTIONS.read_text(encoding="utf-8").splitlines())
    return [(int(Decimal(time) * 10**9), text.encode()) for time, _, text in lines if time.replace(".", "").isdigit()]


def option(name: str) -> Instrument:
    """Options count base currency; their canonical symbols do not matter here."""
    return Instrument(exchange=Exchange.DERIBIT, market=Market.OPTION, symbol=name, name=name)


def book_of(frames: list[dict[str, Any]]) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]:
    """Rebuild one book by the rule of Deribit's page, in exact numbers of another kind."""
    sides: tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]] = ({}, {})
    for data in frames:
        for side, levels in zip(sides, (data["bids"], data["asks"]), strict=True):
            for action, price, amount in levels:
                if action == "delete":
                    side.pop(price, None)
                else:
                    side[price] = amount
    return sides


def numbers(levels: list[tuple[str, str]]) -> list[tuple[Decimal, Decimal]]:
    return [(Decimal(price), Decimal(amount)) for price, amount in levels]


def test_a_recorded_session_of_options_rebuilds_every_book_without_a_gap() -> None:
    frames = recorded_options()
    messages = [json.loads(frame, parse_float=Decimal, parse_int=Decimal) for _, frame in frames]
    books: dict[str, list[dict[str, Any]]] = {}
    for message in messages:
        if message.get("method") == "subscription" and message["params"]["channel"].startswith("book."):
            data = message["params"]["data"]
            books.setdefault(data["instrument_name"], []).append(data)
    venue = Deribit([option(name) for name in books], ("trade", "orderbook", "orderbook_delta", "open_interest"))
    feed = Feed(venue, book_depth=10_000, book_changes=True)
    outputs = [output for receive_ns, frame in frames for output in feed.feed(frame, receive_ns)]
    records = [each for each in outputs + feed.due(frames[-1][0] + SECOND_NS) if isinstance(each, Record)]
    seen = Counter(record.data_type for record in records)
    assert (len(books), sum(len(each) for each in books.values())) == (10, 46), "10 images and 36 changes"
    assert (seen["orderbook_delta"], seen["gap"]) == (36, 0)
    assert set(feed.book_states().values()) == {"live"}
    assert (feed.counters.refused, feed.counters.resyncs) == ({}, 0)
    newest = {each.instrument.name: each.event for each in records if isinstance(each.event, BookSnapshot)}
    for name, messages_of_book in books.items():
        bids, asks = book_of(messages_of_book)
        assert numbers(newest[name].bids) == sorted(bids.items(), reverse=True)
        assert numbers(newest[name].asks) == sorted(asks.items())


def test_single_frames_of_2026_keep_their_values() -> None:
    venue = Deribit([BTC], TYPES)
    found: list[VenueEvent] = []
    for line in (RECORDINGS / "ccxt" / "deribit_2026-08.jsonl").read_bytes().splitlines():
        found += venue.feed(line, 1)
    assert [each.kind for each in found if isinstance(each, Notice)] == [NoticeKind.ACKNOWLEDGED]
    (image,) = (each for each in found if isinstance(each, BookImage))
    (delta,) = (each for each in found if isinstance(each, BookDelta))
    assert (image.update_id, image.bids[0], image.asks[0]) == (169600103289, ("63324.5", "372280"), ("63325", "7730"))
    assert (delta.prev_id, delta.last_id) == (image.update_id, 169600103676)
    assert (delta.bids, delta.asks[2:]) == ([("62533", "0")], [("64116.5", "0"), ("94987.5", "20")])
    events = [each.event for each in found if isinstance(each, Observed)]
    first, second = (event for event in events if isinstance(event, Trade))
    assert (first.trade_id, first.price, first.contracts, first.side) == (296152987, "63344.5", "20", Side.BUY)
    assert (second.trade_id, second.price, second.contracts, second.side) == (296152988, "63344", "40", Side.SELL)
    assert second.quantity == "0.000631472594089417"
    (funding,) = (event for event in events if isinstance(event, FundingRate))
    assert (funding.rate, funding.mark_price, funding.index_price) == ("0.00002081", "63346.33", "63329.18")
    (interest,) = (event for event in events if isinstance(event, OpenInterest))
    assert (interest.contracts, interest.quantity) == ("716004750", "11303.018659486666394091")


def test_changes_without_a_type_continue_the_book() -> None:
    feed = Feed(Deribit([BTC], ("orderbook",)))
    folder = RECORDINGS / "cryptofeed-rs" / "deribit"
    for name in ("l2_snapshot", "l2_update", "l2_update2"):
        feed.feed((folder / f"{name}.json").read_bytes(), 1)
    (snapshot,) = (each.event for each in feed.due(2 * SECOND_NS) if isinstance(each, Record))
    assert isinstance(snapshot, BookSnapshot)
    assert snapshot.update_id == 297219
    assert (snapshot.bids, snapshot.asks) == ([("5042.3", "9"), ("5041.9", "15")], [("5042.6", "35")])
    assert feed.counters.resyncs == 0
