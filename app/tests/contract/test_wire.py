"""Envelopes survive the wire, and what is not one is refused."""

import msgspec
import pytest

from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.events import BookSnapshot, Event, Side, SnapshotReason, Trade, TradeIdKind
from marketprism.contract.instruments import ContractUnit, Exchange, Instrument, Market, Source
from marketprism.errors import ContractError
from tests.storage.envelopes import SAMPLES

INSTRUMENT = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")
TRADE = Trade(
    id_kind=TradeIdKind.FILL,
    trade_id=12345,
    first_fill_id=12345,
    last_fill_id=12345,
    price="0.000000000001",
    quantity="10000000000000",
    side=Side.SELL,
    timestamp_us=1_672_515_782_136_000,
    event_us=1_672_515_782_137_000,
    receive_ns=1_672_515_782_140_123_456,
)
BOOK = BookSnapshot(
    update_id=160,
    timestamp_us=1_672_515_782_136_000,
    receive_ns=1_672_515_782_140_123_456,
    reason=SnapshotReason.RESYNC,
    bids=[("0.0024", "10")],
    asks=[("0.0026", "100")],
)


@pytest.mark.parametrize(("data_type", "event"), SAMPLES.items())
def test_an_envelope_comes_back_as_it_was_sent(data_type: str, event: Event) -> None:
    payload = wire.encode(data_type, Source.REPLAYED, INSTRUMENT, [event, event])
    envelope = wire.decode(subject(data_type, INSTRUMENT), payload)
    assert list(envelope.events) == [event, event]
    assert (envelope.source, envelope.exchange, envelope.market) == (Source.REPLAYED, Exchange.BINANCE, Market.SPOT)
    assert (envelope.symbol, envelope.instrument) == ("BTC-USDT", "BTCUSDT")


def test_people_can_read_an_envelope() -> None:
    read = msgspec.json.decode(wire.encode("trade", Source.LIVE, INSTRUMENT, [TRADE]))
    assert read["type"] == "trade"
    assert read["events"][0]["price"] == "0.000000000001"


@pytest.mark.parametrize(
    ("where", "payload", "message"),
    [
        ("candle.binance.spot.BTC-USDT", b"{}", "names no known data type"),
        ("trade.binance.spot.BTC-USDT", b"{", "is no trade envelope"),
        ("trade.binance.spot.BTC-USDT", b"\xff\xfe", "is no trade envelope"),
        ("trade.binance.spot.BTC-USDT", b'{"a":"\xff"}', "is no trade envelope"),
        ("trade.binance.spot.BTC-USDT", b'{"a":' + b"[" * 100_000, "is no trade envelope"),
        ("trade.binance.spot.BTC-USDT", b'{"type":"trade"}', "missing required field"),
        (
            "trade.binance.spot.BTC-USDT",
            wire.encode("orderbook", Source.LIVE, INSTRUMENT, []),
            "envelope of type 'orderbook'",
        ),
    ],
    ids=["type", "cut", "bytes", "utf-8", "deep", "incomplete", "other type"],
)
def test_what_is_no_envelope_is_refused(where: str, payload: bytes, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        wire.decode(where, payload)


def test_message_ids_are_made_of_boot_and_counter() -> None:
    assert wire.message_id("b00t", 7) == "b00t:7"


def test_a_contracts_worth_travels_with_its_events() -> None:
    swap = msgspec.structs.replace(INSTRUMENT, contract_size="0.01", contract_unit=ContractUnit.QUOTE)
    envelope = wire.decode("trade.binance.spot.BTC-USDT", wire.encode("trade", Source.LIVE, swap, [TRADE]))
    assert (envelope.contract_size, envelope.contract_unit) == ("0.01", ContractUnit.QUOTE)
    assert b"contract" not in wire.encode("trade", Source.LIVE, INSTRUMENT, [TRADE]), "what is usual is not written"


def test_the_epoch_changes_when_a_stream_is_made_anew():
    first = wire.stream_epoch("MARKET_DATA", "2026-01-01T00:00:00.1Z")
    assert first == wire.stream_epoch("MARKET_DATA", "2026-01-01T00:00:00.1Z")
    assert first != wire.stream_epoch("MARKET_DATA", "2026-01-01T00:00:00.2Z")
    assert first != wire.stream_epoch("ORDERBOOK_SNAP", "2026-01-01T00:00:00.1Z")
    assert 0 <= first < 2**32
