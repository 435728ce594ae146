"""Frames as Deribit writes them, with numbers in the spelling that a test chooses."""

from msgspec import Raw

from marketprism.contract.instruments import Instrument
from marketprism.venues.deribit.instruments import perpetual

BTC = perpetual("BTC-USD")
"""Inverse: amounts are US dollars."""
BTC_USDC = perpetual("BTC-USDC")
"""Linear: amounts are bitcoins."""

RECEIVE_NS = 1_786_563_104_600_123_456
MILLISECONDS = 1_786_563_104_514


def trade(
    sequence: int = 296152987, *, price: str = "63344.5", amount: str = "20", direction: str = "buy", more: str = ""
) -> str:
    return (
        f'{{"timestamp":{MILLISECONDS},"price":{price},"direction":"{direction}","index_price":63325.19,'
        f'"trade_id":"440192723","instrument_name":"BTC-PERPETUAL","trade_seq":{sequence},"amount":{amount},'
        f'"mark_price":63341.87,"tick_direction":1,"contracts":2{more}}}'
    )


def book(
    change_id: int, prev_id: int | None = None, *, bids: str = "", asks: str = "", instrument: Instrument = BTC
) -> str:
    head = '"type":"snapshot"' if prev_id is None else f'"type":"change","prev_change_id":{prev_id}'
    return (
        f'{{{head},"timestamp":{MILLISECONDS},"change_id":{change_id},"instrument_name":"{instrument.name}",'
        f'"bids":[{bids}],"asks":[{asks}]}}'
    )


def ticker(
    milliseconds: int = MILLISECONDS,
    *,
    funding: str = "2.081e-05",
    interest: str = "716004750",
    mark: str = "63346.33",
    index: str = "63329.18",
) -> str:
    return (
        f'{{"timestamp":{milliseconds},"state":"open","index_price":{index},"instrument_name":"BTC-PERPETUAL",'
        f'"open_interest":{interest},"mark_price":{mark},"current_funding":{funding},"funding_8h":0.00010036}}'
    )


def volatility(value: str = "43.52") -> str:
    return f'{{"volatility":{value},"timestamp":{MILLISECONDS},"index_name":"btc_usd"}}'


def notification(channel: str, data: str) -> bytes:
    text = f'{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"{channel}","data":{data}}}}}'
    return text.encode()


def raw(text: str) -> Raw:
    return Raw(text.encode())
