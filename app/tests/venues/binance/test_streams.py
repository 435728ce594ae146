"""Streams go to the route that delivers them, packed so that a lost connection loses few."""

import json
from urllib.parse import unquote

import pytest

from marketprism.contract.instruments import Instrument
from marketprism.venues.binance.markets import SPOT, USDM, instrument
from marketprism.venues.binance.streams import LONGEST_QUERY, STREAMS_PER_CONNECTION, connections
from tests.venues.binance.samples import BTC, LIFE, QUARTER, SPOT_BTC

FUTURES_TYPES = ("trade", "orderbook", "funding_rate", "open_interest", "liquidation", "lsr_top_position")


def coins(count: int, letters: str = "C") -> list[Instrument]:
    return [instrument(USDM, f"{letters}{number}-USDT") for number in range(count)]


def test_spot_has_one_route_for_everything() -> None:
    (connection,) = connections(SPOT, [SPOT_BTC], ("trade", "orderbook"))
    assert (connection.name, connection.path) == (
        "market-data",
        "/stream?streams=btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker",
    )
    assert (connection.books, connection.subscribe, connection.max_messages_per_second) == (("BTCUSDT",), (), 4)


def test_futures_split_books_and_everything_else_over_two_routes() -> None:
    """A stream on a wrong route is acknowledged and stays silent."""
    public, market = connections(USDM, [BTC], FUTURES_TYPES)
    assert (public.name, public.path) == ("public", "/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker")
    assert (market.name, market.path) == (
        "market",
        "/market/stream?streams=btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@forceOrder",
    )
    assert (public.books, market.books, public.max_messages_per_second) == (("BTCUSDT",), (), 8)


def test_changes_alone_need_the_same_streams_as_books_once() -> None:
    for wanted in (("orderbook_delta",), ("orderbook", "orderbook_delta")):
        (connection,) = connections(USDM, [BTC], wanted)
        assert connection.path == "/public/stream?streams=btcusdt@depth@100ms/btcusdt@bookTicker"
        assert connection.books == ("BTCUSDT",)


def test_a_route_without_a_wanted_type_is_not_opened() -> None:
    (connection,) = connections(USDM, [BTC], ("trade", "lsr_top_position"))
    assert (connection.name, connection.books) == ("market", ())
    assert connections(USDM, [BTC], ("open_interest",)) == []


def test_a_dated_future_has_no_funding_to_subscribe_to() -> None:
    (connection,) = connections(USDM, [QUARTER, BTC], ("funding_rate", "liquidation"))
    assert connection.path == (
        "/market/stream?streams=btcusdt_261225@forceOrder/btcusdt@markPrice@1s/btcusdt@forceOrder"
    )
    assert connections(USDM, [QUARTER], ("funding_rate",)) == []


def test_an_address_is_ascii_whatever_the_symbol() -> None:
    (connection,) = connections(USDM, [LIFE], ("trade",))
    assert connection.path.isascii()
    assert unquote(connection.path) == "/market/stream?streams=币安人生usdt@aggTrade"


@pytest.mark.parametrize(("count", "names"), [(100, ["public"]), (101, ["public-1", "public-2"])])
def test_many_streams_are_divided_and_numbered(count: int, names: list[str]) -> None:
    wanted = coins(count)
    found = connections(USDM, wanted, ("orderbook",))
    assert [connection.name for connection in found] == names
    assert [name for connection in found for name in connection.books] == [each.name for each in wanted]


def test_the_streams_of_one_instrument_stay_together() -> None:
    found = connections(USDM, coins(140), FUTURES_TYPES)
    market = [connection for connection in found if connection.name.startswith("market")]
    packs = [connection.path.partition("=")[2].split("/") for connection in market]
    assert [len(pack) for pack in packs] == [198, 198, 24]
    assert max(map(len, packs)) <= STREAMS_PER_CONNECTION
    coin_sets = [{stream.partition("@")[0] for stream in pack} for pack in packs]
    assert sum(map(len, coin_sets)) == len(set().union(*coin_sets)) == 140


def test_names_too_long_for_an_address_are_subscribed_to_by_a_message() -> None:
    (connection,) = connections(USDM, coins(80, "ALONGCOINSNAME"), ("orderbook",))
    assert connection.path == "/public/stream"
    (message,) = connection.subscribe
    sent = json.loads(message)
    assert (sent["method"], sent["id"], len(sent["params"])) == ("SUBSCRIBE", 1, 160)
    assert sent["params"][:2] == ["alongcoinsname0usdt@depth@100ms", "alongcoinsname0usdt@bookTicker"]
    assert len("/".join(sent["params"])) > LONGEST_QUERY
