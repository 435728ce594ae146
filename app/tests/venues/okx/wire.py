"""Frames as OKX writes them, and the instruments they are about."""

import json
from typing import Any

from marketprism.contract.instruments import ContractUnit, Instrument
from marketprism.venues.okx.frames import Frame, decode_frame
from marketprism.venues.okx.markets import SPOT, SWAP, instrument

RECEIVE_NS = 1_786_540_436_123_456_789
BTC_SPOT = instrument(SPOT, "BTC-USDT")
BTC = instrument(SWAP, "BTC-USDT", contract_size="0.01")
DOGE = instrument(SWAP, "DOGE-USDT", contract_size="1000")
BTC_INVERSE = instrument(SWAP, "BTC-USD", contract_size="100", contract_unit=ContractUnit.QUOTE)

TRADE = {
    "instId": "BTC-USDT-SWAP", "tradeId": "2832749645", "px": "63913.4", "sz": "34.95", "side": "sell",
    "ts": "1786540436090", "count": "10", "source": "0", "seqId": 333793118093,
}  # fmt: skip
SNAPSHOT = {
    "asks": [["8476.98", "415", "0", "13"], ["8477", "7", "0", "2"]], "bids": [["8476.97", "256", "0", "12"]],
    "ts": "1597026383085", "checksum": 0, "seqId": 10, "prevSeqId": -1,
}  # fmt: skip
UPDATE = {
    "asks": [["8477", "0", "0", "0"]], "bids": [["8476.97", "12", "0", "12"]],
    "ts": "1597026383185", "checksum": 0, "seqId": 15, "prevSeqId": 10,
}  # fmt: skip
FUNDING = {
    "formulaType": "withRate", "fundingRate": "-0.0004270396398519", "fundingTime": "1785888000000",
    "impactValue": "10000.0000000000000000", "instId": "BTC-USDT-SWAP", "instType": "SWAP",
    "interestRate": "0.0001000000000000", "maxFundingRate": "0.00375", "method": "current_period",
    "minFundingRate": "-0.00375", "nextFundingRate": "", "nextFundingTime": "1785916800000",
    "premium": "-0.0008949500017283", "prevFundingTime": "1785859200000", "settFundingRate": "-0.0001996513270201",
    "settState": "settled", "ts": "1785870855692",
}  # fmt: skip
OPEN_INTEREST = {
    "instId": "BTC-USDT-SWAP", "instType": "SWAP", "oi": "2216113.01", "oiCcy": "22161.1301", "oiUsd": "1416000000",
    "ts": "1743041250440",
}  # fmt: skip


def liquidation(name: str, *details: dict[str, str]) -> dict[str, Any]:
    usual = {"bkLoss": "0", "bkPx": "62500", "ccy": "", "posSide": "short", "side": "buy", "sz": "39"}
    found = [{**usual, "ts": "1680173247614", **detail} for detail in details]
    return {"details": found, "instFamily": "BTC-USDT", "instId": name, "instType": "SWAP", "uly": "BTC-USDT"}


def push(channel: str, *rows: object, about: Instrument | str = BTC, action: str | None = None) -> bytes:
    """Put rows into a frame about an instrument, or about all of a type."""
    subject = {"instType": about} if isinstance(about, str) else {"instId": about.name}
    frame = {"arg": {"channel": channel, **subject}, "data": rows}
    return json.dumps(frame if action is None else {**frame, "action": action}).encode()


def pushed(channel: str, *rows: object, about: Instrument | str = BTC, action: str | None = None) -> Frame:
    """Likewise, as the readers of channels get it."""
    return decode_frame(push(channel, *rows, about=about, action=action))


def answered(*rows: object) -> bytes:
    """Put rows into the answer to a REST request."""
    return json.dumps({"code": "0", "msg": "", "data": rows}).encode()
