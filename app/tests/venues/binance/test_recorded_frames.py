"""Single frames and answers that others recorded read to the right values, or are refused with a reason."""

import json
from typing import Any

from marketprism.contract.books import BookDelta, BookImage, BookTop
from marketprism.contract.events import FundingRate, Liquidation, LongShortRatio, OpenInterest, Side, Trade
from marketprism.contract.instruments import Market
from marketprism.venues.binance import rest
from marketprism.venues.binance.adapter import Binance
from marketprism.venues.binance.directory import BinanceDirectory
from marketprism.venues.binance.markets import SPOT, USDM, BinanceMarket, instrument
from marketprism.venues.protocol import ListingState, Observed, Refusal, RestRequest, VenueEvent
from tests.recordings import RECORDINGS, needs_recording
from tests.venues.binance.samples import BTC

pytestmark = needs_recording("polyoxide")
EXAMPLES = {"spot": (SPOT, ["BNB-BTC"]), "usds_futures": (USDM, ["BNB-USDT", "BTC-USDT"])}
STREAMS = {
    "agg_trade": "aggTrade",
    "trade": "trade",
    "diff_book_depth": "depth",
    "book_ticker": "bookTicker",
    "aggregate_trade_streams": "aggTrade",
    "diff_book_depth_streams": "depth",
    "individual_symbol_book_ticker_streams": "bookTicker",
    "mark_price_stream": "markPrice@1s",
    "liquidation_order_streams": "forceOrder",
}


def read(path: str) -> bytes:
    return (RECORDINGS / path).read_bytes()


def examples(market: str) -> dict[str, Any]:
    lines = map(json.loads, read(f"binance-connector-python/{market}/examples.jsonl").splitlines())
    return {line["api"]: line["example"] for line in lines}


def documented(market: str) -> dict[str, VenueEvent]:
    """What the documented examples of our streams say."""
    facts, symbols = EXAMPLES[market]
    venue = Binance(facts, [instrument(facts, symbol) for symbol in symbols], ())
    found = {}
    for name, example in examples(market).items():
        if name in STREAMS:
            (found[name],) = venue.feed(json.dumps({"stream": f"x@{STREAMS[name]}", "data": example}).encode(), 7)
    return found


def answered(market: BinanceMarket, request: RestRequest, body: bytes) -> list[VenueEvent]:
    return rest.read(market, request, body, 7)


def test_documented_spot_streams_read_to_their_values_and_cut_ones_are_refused() -> None:
    """The documentation's generator drops fields of some examples; a trade without a price is none."""
    found = documented("spot")
    change = found["diff_book_depth"]
    assert isinstance(change, BookDelta)
    assert (change.first_id, change.last_id, change.bids, change.asks) == (
        157,
        160,
        [("0.0024", "10")],
        [("0.0026", "100")],
    )
    reasons = {name: event.reason for name, event in found.items() if isinstance(event, Refusal)}
    assert reasons == {
        "trade": "trade_malformed",
        "agg_trade": "trade_malformed",
        "book_ticker": "bookTicker_malformed",
    }


def test_documented_futures_streams_read_to_their_values() -> None:
    found = documented("usds_futures")
    trade, change, top = (
        found[name]
        for name in ("aggregate_trade_streams", "diff_book_depth_streams", "individual_symbol_book_ticker_streams")
    )
    assert isinstance(trade, Observed)
    assert isinstance(trade.event, Trade)
    assert (trade.event.trade_id, trade.event.first_fill_id, trade.event.last_fill_id) == (5933014, 100, 105)
    assert (trade.event.price, trade.event.quantity, trade.event.side) == ("0.001", "100", Side.SELL)
    assert isinstance(change, BookDelta)
    assert (change.first_id, change.last_id, change.prev_id, change.timestamp_us) == (157, 160, 149, 123456788000)
    assert isinstance(top, BookTop)
    assert (top.update_id, top.bid, top.ask) == (
        400900217,
        ("25.35190000", "31.21000000"),
        ("25.36520000", "40.66000000"),
    )
    rate, order = found["mark_price_stream"], found["liquidation_order_streams"]
    assert isinstance(rate, Observed)
    assert isinstance(rate.event, FundingRate)
    assert (rate.event.rate, rate.event.funding_us) == ("0.00038167", 1562306400000000)
    assert (rate.event.mark_price, rate.event.index_price) == ("11794.15000000", "11784.62659091")
    assert isinstance(order, Observed)
    assert isinstance(order.event, Liquidation)
    assert (order.event.side, order.event.price, order.event.quantity) == (Side.SELL, "9910", "0.014")


def test_documented_answers_read_to_their_values() -> None:
    spot, futures = examples("spot"), examples("usds_futures")
    btc = instrument(SPOT, "BTC-USDT")
    (fill,) = answered(SPOT, rest.missing_trades(SPOT, btc, 1, 1), json.dumps(spot["historical_trades"]).encode())
    assert isinstance(fill, Observed)
    assert isinstance(fill.event, Trade)
    assert (fill.event.trade_id, fill.event.price, fill.event.quantity) == (28457, "4.00000100", "12.00000000")
    (image,) = answered(SPOT, rest.book(SPOT, btc), json.dumps(spot["depth"]).encode())
    assert isinstance(image, BookImage)
    assert (image.update_id, image.asks) == (1027024, [("4.00000200", "12.00000000")])
    for poll, name, ratio in zip(
        rest.polls(USDM, [BTC], ("lsr_top_position", "lsr_all_account")),
        ("top_trader_long_short_ratio_positions", "long_short_ratio"),
        (("1.4342", "0.5344", "0.4238"), ("0.1960", "0.6622", "0.3378")),
        strict=True,
    ):
        (bar,) = answered(USDM, poll.request, json.dumps(futures[name]).encode())
        assert isinstance(bar, Observed)
        assert isinstance(bar.event, LongShortRatio)
        assert (bar.event.ratio, bar.event.long_share, bar.event.short_share) == ratio
        assert bar.event.timestamp_us == 1591261042378000


def test_every_other_documented_example_is_refused_with_a_reason() -> None:
    """As bare frames, REST answers among them: whatever arrives is read or refused, and nothing else happens."""
    refused: dict[str, dict[str, str]] = {}
    for market, (facts, symbols) in EXAMPLES.items():
        venue = Binance(facts, [instrument(facts, symbol) for symbol in symbols], ())
        for name, example in examples(market).items():
            (event,) = venue.feed(json.dumps(example).encode(), 7)
            if isinstance(event, Refusal):
                refused.setdefault(event.reason, {})[name] = event.detail
    assert refused["stream_unsupported"]["kline_candlestick_streams"] == "kline"
    assert {"agg_trade", "trade"} <= refused["trade_malformed"].keys()
    assert {"partial_book_depth", "open_interest"} <= refused["frame_unrecognised"].keys()
    assert "all_market_liquidation_order_streams" not in set().union(*refused.values())
    assert refused.keys() == {
        "frame_malformed",
        "frame_unrecognised",
        "stream_unsupported",
        "trade_malformed",
        "depth_malformed",
    }


def test_live_streams_of_2026_read_to_their_values() -> None:
    venue = Binance(USDM, [BTC], ())
    found = {}
    for path in sorted((RECORDINGS / "polyoxide" / "ws").glob("*.json")):
        (found[path.stem.removeprefix("stream_")],) = venue.feed(path.read_bytes(), 7)
    trade, top, rate = (found[f"btcusdt_{name}"] for name in ("aggTrade", "bookTicker", "markPrice_1s"))
    assert isinstance(trade, Observed)
    assert isinstance(trade.event, Trade)
    assert (trade.event.trade_id, trade.event.price, trade.event.side) == (3477868433, "83091.70", Side.BUY)
    assert isinstance(top, BookTop)
    assert (top.update_id, top.bid, top.ask) == (11757092630476, ("83091.60", "4.215"), ("83091.70", "3.763"))
    assert isinstance(rate, Observed)
    assert isinstance(rate.event, FundingRate)
    assert (rate.event.rate, rate.event.funding_us) == ("0.00000078", 1791388800000000)
    assert (rate.event.mark_price, rate.event.timestamp_us) == ("83084.30000000", 1791382993000000)
    assert {name: event.reason for name, event in found.items() if isinstance(event, Refusal)} == {
        "all_markPrice_arr_1s": "stream_unsupported",
        "btcusdt_depth20_100ms": "stream_unsupported",
    }


def test_live_answers_of_2026_read_to_their_values() -> None:
    heal = answered(
        USDM, rest.missing_trades(USDM, BTC, 3477868380, 3477868382), read("polyoxide/rest/agg_trades.json")
    )
    assert [
        (t.event.trade_id, t.event.first_fill_id, t.event.last_fill_id, t.event.price, t.event.side)
        for t in heal
        if isinstance(t, Observed) and isinstance(t.event, Trade)
    ] == [
        (3477868380, 8153634282, 8153634282, "83084.30", Side.SELL),
        (3477868381, 8153634283, 8153634283, "83084.40", Side.BUY),
        (3477868382, 8153634284, 8153634285, "83084.30", Side.SELL),
    ]
    (image,) = answered(USDM, rest.book(USDM, BTC), read("polyoxide/rest/depth.json"))
    assert isinstance(image, BookImage)
    assert (image.update_id, image.bids[0], image.asks[-1]) == (
        11757092217378,
        ("83084.30", "2.986"),
        ("83085.00", "0.001"),
    )
    (poll,) = rest.polls(USDM, [BTC], ("open_interest",))
    (interest,) = answered(USDM, poll.request, read("polyoxide/rest/open_interest.json"))
    assert isinstance(interest, Observed)
    assert interest.event == OpenInterest(
        quantity="95744.938", contracts=None, timestamp_us=1791382984119000, receive_ns=7
    )


def test_the_live_list_of_2026_reads_to_its_symbols() -> None:
    listed = BinanceDirectory(USDM).read([read("polyoxide/rest/exchange_info.reduced.json")])
    assert {
        symbol: (each.instrument.name, each.instrument.market, each.tick, each.lot, each.state)
        for symbol, each in listed.items()
    } == {
        "BTC-USDT": ("BTCUSDT", Market.PERPETUAL, "0.1", "0.001", ListingState.TRADING),
        "XAU-USDT": ("XAUUSDT", Market.PERPETUAL, "0.01", "0.001", ListingState.TRADING),
        "币安人生-USDT": ("币安人生USDT", Market.PERPETUAL, "0.0001", "1", ListingState.TRADING),
        "OMG-USDT": ("OMGUSDT", Market.PERPETUAL, "0.0001", "0.1", ListingState.DELISTED),
        "BTC-USDT-261225": ("BTCUSDT_261225", Market.FUTURE, "0.1", "0.001", ListingState.TRADING),
    }


def test_other_live_frames_of_2026_are_refused_or_read() -> None:
    spot = Binance(SPOT, [instrument(SPOT, "BTC-USDT")], ())
    ticker, summary = read("ccxt/binance_2026-08.jsonl").splitlines()
    (bare,) = spot.feed(ticker, 7)
    assert isinstance(bare, Refusal)
    assert bare.reason == "frame_unrecognised"
    (top,) = spot.feed(b'{"stream":"btcusdt@bookTicker","data":' + ticker + b"}", 7)
    assert isinstance(top, BookTop)
    assert (top.update_id, top.bid, top.ask) == (
        98494969448,
        ("63704.00000000", "4.77471000"),
        ("63704.01000000", "11.33198000"),
    )
    (refused,) = spot.feed(summary, 7)
    assert refused == Refusal("stream_unsupported", "24hrMiniTicker")
