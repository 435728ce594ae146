"""What no page of an exchange settles, asked of the exchange itself; docs/venue-contract.md calls it open."""

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from marketprism.collector.proxies import Proxies
from marketprism.collector.rest import UNREACHABLE, http_session
from marketprism.settings import VenueSettings

_WEIGHT = "X-MBX-USED-WEIGHT-1M"
_MANY_CHANNELS = 200
_OTHER_SPOT = "wss://data-stream.binance.vision/ws/btcusdt@trade"
_UNUSABLE = (*UNREACHABLE, msgspec.DecodeError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""Anything may come from an address that is no exchange: a portal's page, an error as JSON, nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found out."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a venue is asked, and how many seconds it is listened to."""

    settings: VenueSettings
    proxies: Proxies
    seconds: float

    async def get(self, path: str) -> tuple[Any, int]:
        """Return a REST answer, and the weight used in this minute so far; 0 where the exchange does not tell."""
        url = self.settings.rest_url + path
        async with http_session(self.proxies.route(url)) as http, http.get(url) as answer:
            answer.raise_for_status()
            return msgspec.json.decode(await answer.read()), int(answer.headers.get(_WEIGHT, 0))

    async def hear(self, url: str, *requests: object) -> list[tuple[float, Any]]:
        """Return what a new connection brings, each message with the monotonic time at which it came."""
        heard: list[tuple[float, Any]] = []
        async with http_session(self.proxies.route(url)) as http, http.ws_connect(url) as socket:
            for request in requests:
                await socket.send_str(msgspec.json.encode(request).decode())
            with contextlib.suppress(TimeoutError, TypeError):  # a message that is no text: the end
                async with asyncio.timeout(self.seconds):
                    while True:
                        message = await socket.receive_str()
                        heard.append((time.monotonic(), msgspec.json.decode(message)))
        return heard


async def ask(venue: str, settings: VenueSettings, proxies: Proxies, seconds: float) -> list[Answer]:
    """Ask everything that is open about a venue; a question that fails is answered with why.

    Args:
        venue: Its name in the settings.
        settings: Its addresses.
        proxies: How they are reached.
        seconds: How long each stream in question is listened to.
    """
    asked = Asked(settings, proxies, seconds)

    async def one(question: str, answer: Callable[[Asked], Awaitable[str]]) -> Answer:
        try:
            return Answer(question, await answer(asked))
        except _UNUSABLE as error:
            return Answer(question, f"not answered: {str(error) or type(error).__name__}")

    return list(await asyncio.gather(*(one(*each) for each in _QUESTIONS[venue])))


async def _weight_of_depth(asked: Asked, path: str) -> str:
    before, after = [(await asked.get(path))[1] for _ in range(2)]
    return f"{after - before}"


async def _weight_of_spot_depth(asked: Asked) -> str:
    return await _weight_of_depth(asked, "/api/v3/depth?symbol=BTCUSDT")


async def _weight_of_futures_depth(asked: Asked) -> str:
    return await _weight_of_depth(asked, "/fapi/v1/depth?symbol=BTCUSDT")


async def _other_spot_address(asked: Asked) -> str:
    if not asked.settings.ws_url.endswith("binance.com:9443"):
        return "not asked: the configured address is not Binance's own"
    return _delivers(await asked.hear(_OTHER_SPOT))


async def _undocumented_streams(asked: Asked) -> str:
    found = []
    for route in ("public", "market"):
        for stream in ("btcusdt@trade", "btcusdt@depth@0ms"):
            subscribe = {"method": "SUBSCRIBE", "params": [stream], "id": 1}
            heard = await asked.hear(f"{asked.settings.ws_url}/{route}/stream", subscribe)
            found.append(f"{stream} on /{route}: {_delivers([each for each in heard if 'stream' in each[1]])}")
    return "; ".join(found)


def _delivers(heard: list[tuple[float, Any]]) -> str:
    return f"{len(heard)} messages" if heard else "silent"


async def _binance_bar(asked: Asked) -> str:
    path = "/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=5m&limit=1"
    rows, _ = await asked.get(path)
    return _age(rows[-1]["timestamp"])


async def _okx_bar(asked: Asked) -> str:
    path = "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract?instId=BTC-USDT-SWAP&period=5m&limit=1"
    rows, _ = await asked.get(path)
    return _age(rows["data"][0][0])


def _age(stamp_ms: Any) -> str:
    """Say how old the newest bar's time is: one of under 5 minutes that does not change any more is the bar's end."""
    return f"the newest bar of 5 minutes is stamped {(_now_ms() - int(stamp_ms)) / 1000:.0f} s ago"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _many_channels(asked: Asked) -> str:
    listing, _ = await asked.get("/api/v2/public/get_instruments?currency=BTC")
    names = [each["instrument_name"] for each in listing["result"]][:_MANY_CHANNELS]
    heard = await asked.hear(*_deribit(asked, [f"ticker.{name}.100ms" for name in names]))
    accepted = [len(message["result"]) for _, message in heard if message.get("id") == 1]
    return f"{accepted[0]} of {len(names)} accepted" if accepted else _delivers([])


async def _slower_book(asked: Asked) -> str:
    heard = await asked.hear(*_deribit(asked, ["book.BTC-PERPETUAL.agg2"]))
    times = [at for at, message in heard if message.get("method") == "subscription"]
    periods = [later - earlier for earlier, later in itertools.pairwise(times)]
    return f"{statistics.median(periods):.2f} s between two messages" if periods else _delivers([])


def _deribit(asked: Asked, channels: list[str]) -> tuple[str, object]:
    request = {"jsonrpc": "2.0", "id": 1, "method": "public/subscribe", "params": {"channels": channels}}
    return f"{asked.settings.ws_url}/ws/api/v2", request


async def _scale_of_volatility(asked: Asked) -> str:
    now_ms = _now_ms()
    path = "/api/v2/public/get_volatility_index_data?currency=BTC&resolution=60"
    found, _ = await asked.get(f"{path}&start_timestamp={now_ms - 600_000}&end_timestamp={now_ms}")
    return f"the newest close is {found['result']['data'][-1][4]}"


_BARS = "Is a ratio's time the start or the end of its bar?"
_QUESTIONS: dict[str, tuple[tuple[str, Callable[[Asked], Awaitable[str]]], ...]] = {
    "binance-spot": (
        ("What does a depth request without limit weigh?", _weight_of_spot_depth),
        ("Does data-stream.binance.vision deliver here?", _other_spot_address),
    ),
    "binance-usdm": (
        ("What does a depth request without limit weigh?", _weight_of_futures_depth),
        ("Do futures deliver @trade and @depth@0ms?", _undocumented_streams),
        (_BARS, _binance_bar),
    ),
    "okx-spot": (),
    "okx-swap": ((_BARS, _okx_bar),),
    "deribit": (
        (f"Are {_MANY_CHANNELS} channels accepted in one request?", _many_channels),
        ("What is the period of a book's agg2?", _slower_book),
        ("Is DVOL a percentage over REST too?", _scale_of_volatility),
    ),
}
