"""Recorded frames of OKX, whole sessions and single ones, become the exchange's own numbers or are refused."""

import re
from collections import Counter

import pytest

from marketprism.contract.books import BookDelta, BookImage
from marketprism.contract.events import FundingRate, Liquidation, OpenInterest, Side, Trade
from marketprism.contract.instruments import ContractUnit, Exchange, Instrument, Market
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Record
from marketprism.venues.okx.adapter import Okx
from marketprism.venues.okx.directory import OkxDirectory
from marketprism.venues.okx.markets import SPOT, SWAP, OkxMarket, instrument
from marketprism.venues.protocol import Notice, NoticeKind, Observed, Refusal, VenueEvent
from tests.recordings import RECORDINGS, needs_recording
from tests.venues.okx.wire import BTC, BTC_SPOT

SESSION = RECORDINGS / "cryptofeed" / "sample_data" / "OKX.ws.1.0"
LISTS = RECORDINGS / "cryptofeed" / "sample_data" / "OKX.0"
SINGLE_2026 = RECORDINGS / "ccxt" / "okx_2026-08.jsonl"
SINGLE = RECORDINGS / "cryptofeed-rs" / "okx"

pytestmark = needs_recording("cryptofeed")
FUTURE = Instrument(
    exchange=Exchange.OKX,
    market=Market.FUTURE,
    symbol="BTC-USD-220527",
    name="BTC-USD-220527",
    contract_size="100",
    contract_unit=ContractUnit.QUOTE,
)
UNI = instrument(SWAP, "UNI-USD", contract_size="10", contract_unit=ContractUnit.QUOTE)


def session() -> list[tuple[bytes, int]]:
    """Return the received frames of the session with the nanoseconds of their receipt."""
    lines = (re.match(rb"(\d+)\.(\d+): (.*)", line) for line in SESSION.read_bytes().splitlines())
    return [(line[3], int(line[1]) * 10**9 + int(line[2].ljust(9, b"0"))) for line in lines if line]


@pytest.mark.parametrize(
    ("market", "about", "books", "trades"),
    [(SPOT, BTC_SPOT, 98, 69), (SWAP, UNI, 93, 1), (SWAP, FUTURE, 99, 4)],
    ids=["spot", "swap", "future"],
)
def test_a_session_of_2022_rebuilds_every_book_to_its_checksum(
    market: OkxMarket, about: Instrument, books: int, trades: int
) -> None:
    """A checksum that differs would be a gap and end the book; `test_a_wrong_level_shows` proves that it does."""
    feed = Feed(Okx(market, [about], ("trade", "orderbook", "orderbook_delta")), book_changes=True)
    outputs = [output for frame, receive_ns in session() for output in feed.feed(frame, receive_ns)]
    changes = [
        output.event for output in outputs if isinstance(output, Record) and output.data_type == "orderbook_delta"
    ]
    assert len(changes) == books - 1
    assert feed.counters.events["trade"] == trades
    assert (feed.counters.gaps.total(), feed.counters.resyncs) == (0, 0)
    assert feed.book_states() == {about: "live"}
    assert set(feed.counters.refused) == {"channel_unsupported", "symbol_unknown"}


def test_a_wrong_level_shows() -> None:
    feed = Feed(Okx(SPOT, [BTC_SPOT], ("orderbook",)))
    frames = [(frame, at) for frame, at in session() if b'"channel":"books","instId":"BTC-USDT"}' in frame]
    acknowledgement, image, change, *_ = frames
    feed.feed(*acknowledgement)
    feed.feed(*image)
    feed.feed(re.sub(rb'(\["[\d.]+","[\d.]+)(","0","[1-9])', rb"\g<1>1\2", change[0], count=1), change[1])
    assert (feed.counters.gaps["orderbook"], feed.counters.resyncs) == (1, 1)


def test_the_lists_of_2022_are_read_whole() -> None:
    bodies = dict(re.findall(rb"(?m)^\S+instType=(\w+) -> [\d.]+: (.*)$", LISTS.read_bytes()))
    spot, swap = OkxDirectory(SPOT).read([bodies[b"SPOT"]]), OkxDirectory(SWAP).read([bodies[b"SWAP"]])
    assert (len(spot), len(swap)) == (513, 166)
    assert spot["BTC-USDT"].instrument == BTC_SPOT
    assert (swap["BTC-USDT"].instrument, swap["UNI-USD"].instrument) == (BTC, UNI)
    assert min((listing.tick for listing in spot.values()), key=float) == "0.000000000001"


def test_single_frames_of_2026_are_the_right_values_or_refused() -> None:
    swap, spot = Okx(SWAP, [BTC], ("trade", "orderbook")), Okx(SPOT, [BTC_SPOT], ("trade", "orderbook"))
    frames = SINGLE_2026.read_bytes().splitlines()
    events = [(swap if b"-SWAP" in frame else spot).feed(frame, 1) for frame in frames]
    assert events[0] == [Notice(NoticeKind.ACKNOWLEDGED, "subscribe trades BTC-USDT-SWAP")]
    found = [trade(found) for found in events[1:5]]
    assert [(t.first_fill_id, t.last_fill_id, t.price, t.quantity, t.contracts, t.side) for t in found] == [
        (2832749635, 2832749635, "63913.5", "0.01", "1", Side.BUY),
        (2832749636, 2832749645, "63913.4", "0.3495", "34.95", Side.SELL),
        (1040968612, 1040968613, "64040.2", "0.00240857", None, Side.BUY),
        (1040968614, 1040968614, "64040.2", "0.06681896", None, Side.BUY),
    ]
    assert [reason(found) for found in events[5:]] == ["channel_unsupported", "channel_unsupported"]


def test_single_frames_of_a_peer_are_the_right_values_or_refused() -> None:
    types = ("trade", "orderbook", "funding_rate", "open_interest", "liquidation")
    swap, spot = Okx(SWAP, [BTC], types), Okx(SPOT, [BTC_SPOT], types)
    found = {
        path.stem: (swap if b"SWAP" in path.read_bytes() else spot).feed(path.read_bytes(), 1)
        for path in sorted(SINGLE.glob("*.json"))
    }
    (image,), (change,), (gap,) = found["l2_snapshot"], found["l2_update2"], found["l2_update_gap"]
    assert isinstance(image, BookImage)
    assert (image.update_id, image.bids) == (1000, [("65009.0", "1.5"), ("65008.0", "3.0")])
    assert isinstance(change, BookDelta)
    assert (change.prev_id, change.last_id, change.bids, change.asks) == (1001, 1002, [("65008.0", "0")], [])
    assert isinstance(gap, BookDelta)
    assert (gap.prev_id, gap.last_id) == (1500, 1501)
    sold = trade(found["swap_trade"])
    assert (sold.first_fill_id, sold.trade_id, sold.quantity, sold.contracts) == (305455, 305455, "0.12", "12")
    assert event(found["funding_rate"]) == FundingRate(
        rate="0.0001515",
        funding_us=1700028800000000,
        interval_seconds=None,
        mark_price=None,
        index_price=None,
        timestamp_us=1700000000000000,
        receive_ns=1,
    )
    interest = event(found["open_interest"])
    assert isinstance(interest, OpenInterest)
    assert (interest.contracts, interest.quantity) == ("10659.509", "10659.509")
    closed = event(found["liquidation_orders"])
    assert isinstance(closed, Liquidation)
    assert (closed.side, closed.price, closed.quantity, closed.contracts) == (Side.BUY, "23523.9", "0.0001", "0.01")
    refused = Counter(reason(events) for events in found.values() if isinstance(events[0], Refusal))
    assert refused == {"channel_unsupported": 5}


def event(events: list[VenueEvent]) -> object:
    (seen,) = events
    assert isinstance(seen, Observed)
    return seen.event


def trade(events: list[VenueEvent]) -> Trade:
    found = event(events)
    assert isinstance(found, Trade)
    return found


def reason(events: list[VenueEvent]) -> str:
    (refusal,) = events
    assert isinstance(refusal, Refusal)
    return refusal.reason
