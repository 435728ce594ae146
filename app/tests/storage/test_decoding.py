"""One bad message never takes its neighbours along."""

from itertools import cycle

import pytest

from marketprism.contract.catalog import subject
from marketprism.contract.instruments import Source
from marketprism.storage.columns import Rows
from marketprism.storage.decoding import data_types, decode
from tests.storage.envelopes import BTC, SAMPLES, book, message, trade


def test_neighbours_of_bad_messages_are_kept():
    bad = message(2, payload=b'{"type": "trade"')
    decoded = decode([message(1, trade(1)), bad, message(3, trade(2, price="NaN")), message(4, trade(3))], 7)
    assert decoded.rows["trade"].columns["trade_id"] == [1, 3]
    assert [(letter.message.stream_seq, letter.reason) for letter in decoded.dead] == [
        (2, "undecodable"),
        (3, "unstorable"),
    ]


@pytest.mark.parametrize(
    ("payload", "events"),
    [
        (b"", 1),
        (b"[]", 1),
        (b'{"events": [1, 2, 3]}', 3),
        (b'{"events": []}', 1),
        (b"\xff" * 9, 1),
        (b"[" * 100_000, 1),
    ],
)
def test_events_of_a_bad_message_are_counted_as_far_as_possible(payload: bytes, events: int):
    (letter,) = decode([message(1, payload=payload)], 7).dead
    assert letter.events == events


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"BTCUSDT", b"BTC\xffUSDT"),
        (b"BTCUSDT", b"\\ud800"),
        (b'"type"', b'"x":' + b"[" * 100_000 + b"]" * 100_000 + b',"type"'),
        (b'"trade_id":1', b'"trade_id":' + b"9" * 40),
        (b'"trade_id":1', b'"trade_id":1.5'),
    ],
)
def test_nothing_that_a_sender_invents_ends_the_service(old: bytes, new: bytes):
    payload = message(1, trade(1)).payload.replace(old, new)
    decoded = decode([message(1, payload=payload)], 7)
    assert len(decoded.dead) == 1
    assert decoded.rows == {}


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 5000 + ".25", "1." + "9" * 5000])
@pytest.mark.parametrize("side", ["bids", "asks"])
def test_a_level_that_cannot_be_stored_takes_its_own_message_alone(side: str, number: str):
    whole = {"bids": [("99", "1")], "asks": [("101", "1")]}
    books = [book(1), book(2, **whole | {side: [*whole[side], (number, "1")]}), book(3)]
    decoded = decode([message(each.update_id, each, data_type="orderbook") for each in books], 7)
    assert decoded.rows["orderbook"].columns["update_id"] == [1, 3]
    assert [(letter.message.stream_seq, letter.reason) for letter in decoded.dead] == [(2, "unstorable")]


def test_an_empty_envelope_is_no_rows():
    decoded = decode([message(1)], 7)
    assert (decoded.rows, decoded.dead) == ({}, [])


def test_an_envelope_on_another_instruments_subject_is_refused():
    (letter,) = decode([message(1, trade(1), on="trade.binance.spot.ETH-USDT")], 7).dead
    assert letter.reason == "unstorable"
    assert "ETH-USDT" in letter.detail


def test_a_symbol_that_is_not_canonical_is_refused():
    payload = message(1, trade(1)).payload.replace(b"BTC-USDT", b"BTCUSDT")
    (letter,) = decode([message(1, payload=payload, on="trade.binance.spot.BTCUSDT")], 7).dead
    assert (letter.reason, letter.events) == ("unstorable", 1)
    assert "not canonical" in letter.detail


@pytest.mark.parametrize("on", ["trade.binance.spot.BTC%2DUSDT", "trade.binance.spot", "trade.binance.spot.BTC.USDT"])
def test_a_subject_that_is_written_otherwise_is_refused(on: str):
    (letter,) = decode([message(1, trade(1), on=on)], 7).dead
    assert letter.reason == "unstorable"


def test_a_message_that_is_refused_leaves_those_of_the_same_batch_their_places():
    messages = [message(n, trade(10 * n), trade(10 * n + 1, price="NaN" if n == 2 else "1")) for n in (1, 2, 3)]
    decoded = decode(messages, 7)
    columns = decoded.rows["trade"].columns
    assert list(zip(columns["stream_seq"], columns["item"], columns["trade_id"], strict=True)) == [
        (1, 0, 10),
        (1, 1, 11),
        (3, 0, 30),
        (3, 1, 31),
    ]
    assert [letter.message.stream_seq for letter in decoded.dead] == [2]


def test_many_messages_give_the_rows_that_each_gives_alone():
    """More than are turned into columns at once, of types, sizes and sources that take turns."""
    sources = (Source.SIMULATED, Source.LIVE)
    messages = [
        message(n, *[SAMPLES[name]] * (n % 4), data_type=name, source=sources[n % 2], on=subject(name, BTC))
        for n, name in zip(range(1, 1001), cycle(("trade", "orderbook", "funding_rate")), strict=False)
    ]
    decoded = decode(messages, 7)
    assert decoded.dead == []
    for data_type, rows in decoded.rows.items():
        alone = [decode([each], 7).rows.get(data_type, Rows(data_type)) for each in messages]
        assert rows.columns == {name: [x for each in alone for x in each.columns[name]] for name in rows.columns}
        assert len(rows) > 250


def test_an_unknown_data_type_is_refused():
    (letter,) = decode([message(1, trade(1), on="weather.binance.spot.BTC-USDT")], 7).dead
    assert letter.reason == "undecodable"


def test_a_stream_has_the_types_of_its_subjects():
    assert data_types(("trade.>", "liquidation.>", "candle.>")) == ["trade", "liquidation"]
