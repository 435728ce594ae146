"""What is subscribed to: few requests, thirty books a connection, and a book renewed where it lives."""

import json

import pytest

from marketprism.venues.okx.markets import SPOT, SWAP
from marketprism.venues.okx.subscriptions import Subscriptions
from marketprism.venues.protocol import Send

ALL = ("trade", "orderbook", "orderbook_delta", "funding_rate", "open_interest", "liquidation", "lsr_top_position")
NAMES = tuple(f"COIN{number:03}-USDT-SWAP" for number in range(65))


def test_one_request_subscribes_to_every_channel_of_every_instrument() -> None:
    (connection,) = Subscriptions(SWAP, ("BTC-USDT-SWAP",), ALL).connections()
    (message,) = connection.subscribe
    assert (connection.name, connection.path, connection.books) == ("public-1", "/ws/v5/public", ("BTC-USDT-SWAP",))
    assert json.loads(message) == {
        "op": "subscribe",
        "args": [
            {"channel": "trades", "instId": "BTC-USDT-SWAP"},
            {"channel": "books", "instId": "BTC-USDT-SWAP"},
            {"channel": "funding-rate", "instId": "BTC-USDT-SWAP"},
            {"channel": "open-interest", "instId": "BTC-USDT-SWAP"},
            {"channel": "liquidation-orders", "instType": "SWAP"},
        ],
    }


def test_a_connection_is_kept_alive_with_a_text_and_spoken_to_slowly() -> None:
    (connection,) = Subscriptions(SPOT, ("BTC-USDT",), ("trade",)).connections()
    assert (connection.ping, connection.ping_seconds, connection.max_messages_per_second) == (b"ping", 20.0, 3.0)


def test_many_books_are_spread_over_connections_and_liquidations_come_once() -> None:
    found = Subscriptions(SWAP, NAMES, ALL).connections()
    assert [connection.name for connection in found] == ["public-1", "public-2", "public-3"]
    assert [len(connection.books) for connection in found] == [30, 30, 5]
    assert tuple(name for connection in found for name in connection.books) == NAMES
    assert [b"liquidation-orders" in connection.subscribe[0] for connection in found] == [True, False, False]


def test_thirty_long_names_fit_one_request() -> None:
    (connection,) = Subscriptions(SWAP, [f"币安人生{number:060}-USDT-SWAP" for number in range(30)], ALL).connections()
    assert len(connection.subscribe[0]) < 64 * 1024


def test_a_connection_without_books_loses_none() -> None:
    (connection,) = Subscriptions(SPOT, ("BTC-USDT",), ("trade",)).connections()
    assert connection.books == ()


@pytest.mark.parametrize(("names", "types"), [(("BTC-USDT-SWAP",), ("lsr_top_position",)), ((), ALL)])
def test_nothing_to_subscribe_to_needs_no_connection(names: tuple[str, ...], types: tuple[str, ...]) -> None:
    assert Subscriptions(SWAP, names, types).connections() == []


def test_a_connection_that_would_carry_nothing_is_not_opened() -> None:
    found = Subscriptions(SWAP, NAMES, ("liquidation",)).connections()
    assert [connection.name for connection in found] == ["public-1"]


def test_a_book_is_renewed_on_its_own_connection() -> None:
    name = NAMES[30]
    argument = f'{{"channel":"books","instId":"{name}"}}'
    assert Subscriptions(SWAP, NAMES, ALL).renew_book(name) == [
        Send(f'{{"op":"unsubscribe","args":[{argument}]}}'.encode(), "public-2"),
        Send(f'{{"op":"subscribe","args":[{argument}]}}'.encode(), "public-2"),
    ]
