"""Messages as Binance sends them, written by hand, and the instruments they are about."""

import json
from typing import Any

from marketprism.venues.binance.markets import SPOT, USDM, instrument

SPOT_BTC = instrument(SPOT, "BTC-USDT")
BTC = instrument(USDM, "BTC-USDT")
QUARTER = instrument(USDM, "BTC-USDT-261225")
LIFE = instrument(USDM, "币安人生-USDT")
INSTRUMENTS = {each.name: each for each in (BTC, QUARTER, LIFE)}
RECEIVE_NS = 1_791_382_993_140_123_456

FILL: dict[str, Any] = {
    "e": "trade", "E": 1672515782137, "s": "BTCUSDT", "t": 12345, "p": "0.001", "q": "100", "T": 1672515782136,
    "m": True,
}  # fmt: skip
AGGREGATE: dict[str, Any] = {
    "e": "aggTrade", "E": 1791382992488, "a": 3477868433, "s": "BTCUSDT", "p": "83091.70", "q": "0.022", "nq": "0.022",
    "f": 8153634393, "l": 8153634394, "T": 1791382992338, "m": False, "st": 1,
}  # fmt: skip
DEPTH: dict[str, Any] = {
    "e": "depthUpdate", "E": 1672515782136, "s": "BTCUSDT", "U": 157, "u": 160, "b": [["0.0024", "10"]], "a": [],
}  # fmt: skip
TICKER: dict[str, Any] = {"u": 160, "s": "BTCUSDT", "b": "0.0024", "B": "10", "a": "0.0026", "A": "100"}
MARK_PRICE: dict[str, Any] = {
    "e": "markPriceUpdate", "E": 1791382993000, "s": "BTCUSDT", "p": "83084.30000000", "ap": "83080.10000000",
    "P": "83195.15881449", "i": "83123.65891304", "r": "0.00000078", "T": 1791388800000, "st": 1,
}  # fmt: skip
FORCED: dict[str, Any] = {
    "s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "9910", "ap": "9912.5", "X": "FILLED",
    "l": "0.004", "z": "0.013", "T": 1568014460893,
}  # fmt: skip
LIQUIDATION: dict[str, Any] = {"e": "forceOrder", "E": 1568014460900, "o": FORCED, "st": 1}
RATIO: dict[str, Any] = {
    "symbol": "BTCUSDT", "longShortRatio": "1.4342", "longAccount": "0.5344", "shortAccount": "0.4238",
    "timestamp": 1591261042378,
}  # fmt: skip


def packed(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def wrapped(stream: str, data: object) -> bytes:
    return packed({"stream": stream, "data": data})
