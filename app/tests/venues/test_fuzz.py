"""Nothing that an exchange sends brings a feed down: broken frames and answers are refused, counted, and of few kinds.

``FUZZ_FRAMES`` and ``FUZZ_SEED`` choose how much is sent and which; a failure names both, and its seed joins `SEEDS`.
"""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.instruments import Instrument, Source
from marketprism.contract.venues import VENUES
from marketprism.pipeline.feed import Feed
from marketprism.pipeline.outputs import Output, Record
from marketprism.venues.protocol import Purpose, Refusal, RestRequest
from marketprism.venues.registry import DIALECTS
from tests.venues.binance import samples as binance
from tests.venues.deribit import frames as deribit
from tests.venues.fuzzing import KINDS, Fuzzer, Mutant
from tests.venues.okx import wire as okx

SEEDS = (1,)
"""Those that found something, and one that has not yet."""

SHORT, LONG = 1_500, 1_000_000
FRESH_EVERY = 2_000
"""Frames after which a feed starts anew: an id that is near the end of all ids leaves nothing to come."""
HUGE_EVERY = {SHORT: 500, LONG: 20_000}
MOST_REASONS = 40
"""Kinds of refusals, each a line in the log a minute at most."""

START_NS = 1_791_382_993_140_123_456
FRAME_NS = 20_000_000

_SPOT = {"trade": binance.FILL, "depth@100ms": binance.DEPTH, "bookTicker": binance.TICKER}
_USDM = {
    "aggTrade": binance.AGGREGATE,
    "depth@100ms": {**binance.DEPTH, "pu": 149},
    "bookTicker": binance.TICKER,
    "markPrice@1s": binance.MARK_PRICE,
    "forceOrder": binance.LIQUIDATION,
    "!serverShutdown": {"e": "serverShutdown", "E": 1770123456789},
}
_ACKNOWLEDGED = (b'{"result":null,"id":1}', b'{"error":{"code":4,"msg":"Too many subscriptions"}}')
_IMAGE = {"lastUpdateId": 157, "bids": [["0.0020", "10"]], "asks": [["0.0030", "100"]]}
_OLD_TRADE = {"a": 5, "p": "0.5", "q": "4", "f": 7, "l": 9, "T": 1498793709153, "m": True}
_INTEREST = {"symbol": "BTCUSDT", "openInterest": "95744.938", "time": 1791382984119}


def _binance(messages: dict[str, dict[str, object]]) -> list[bytes]:
    bare = [binance.packed(message) for message in messages.values()]
    return bare + [binance.wrapped(f"btcusdt@{name}", message) for name, message in messages.items()]


def _okx(instrument: Instrument) -> list[bytes]:
    return [
        okx.push("trades", {**okx.TRADE, "instId": instrument.name}, about=instrument),
        okx.push("books", okx.SNAPSHOT, about=instrument, action="snapshot"),
        okx.push("books", okx.UPDATE, about=instrument, action="update"),
        okx.push("funding-rate", {**okx.FUNDING, "instId": instrument.name}, about=instrument),
        okx.push("open-interest", {**okx.OPEN_INTEREST, "instId": instrument.name}, about=instrument),
        okx.push("liquidation-orders", okx.liquidation("BTC-USDT-SWAP", {}), about="SWAP"),
        b'{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"connId":"a4d3ae55"}',
        b'{"event":"error","code":"60012","msg":"Invalid request","connId":"a4d3ae55"}',
        b'{"event":"notice","code":"64008","msg":"soon","connId":"a4d3ae55"}',
    ]


_DERIBIT = [
    deribit.notification("trades.BTC-PERPETUAL.100ms", f"[{deribit.trade()}]"),
    deribit.notification("trades.BTC-PERPETUAL.100ms", f"[{deribit.trade(296152988)},{deribit.trade(296152989)}]"),
    deribit.notification("trades.BTC-PERPETUAL.100ms", "[" + deribit.trade(more=',"liquidation":"T"') + "]"),
    deribit.notification(
        "book.BTC-PERPETUAL.100ms", deribit.book(5, bids='["new",63324.5,10]', asks='["new",63325,10]')
    ),
    deribit.notification("book.BTC-PERPETUAL.100ms", deribit.book(9, 5, bids='["change",63324.5,10]')),
    deribit.notification("ticker.BTC-PERPETUAL.100ms", deribit.ticker()),
    deribit.notification("deribit_volatility_index.btc_usd", deribit.volatility()),
    b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
    b'{"jsonrpc":"2.0","id":10,"result":["book.BTC-PERPETUAL.100ms"],"usIn":"1786563085259177"}',
    b'{"jsonrpc":"2.0","id":10,"error":{"code":10028,"message":"too_many_requests"}}',
]

INSTRUMENTS: dict[str, Instrument] = {
    "binance-spot": binance.SPOT_BTC,
    "binance-usdm": binance.BTC,
    "okx-spot": okx.BTC_SPOT,
    "okx-swap": okx.BTC,
    "deribit": deribit.BTC,
}
FRAMES: dict[str, list[bytes]] = {
    "binance-spot": [*_binance(_SPOT), *_ACKNOWLEDGED],
    "binance-usdm": [*_binance(_USDM), *_ACKNOWLEDGED],
    "okx-spot": _okx(okx.BTC_SPOT),
    "okx-swap": _okx(okx.BTC),
    "deribit": _DERIBIT,
}
_BINANCE_ANSWERS = {
    Purpose.BOOK: [binance.packed(_IMAGE)],
    Purpose.REFRESH: [binance.packed(_IMAGE)],
    Purpose.HEAL: [binance.packed([_OLD_TRADE]), b'{"code":-4166,"msg":"Search window is restricted."}'],
    Purpose.POLL: [binance.packed(_INTEREST), binance.packed([binance.RATIO])],
}
_OKX_ANSWERS = {
    Purpose.HEAL: [okx.answered(okx.TRADE), b'{"code":"50011","msg":"limit"}'],
    Purpose.POLL: [okx.answered(["1701417600000", "1.1739"]), b'{"code":"50011","msg":"limit"}'],
}
ANSWERS: dict[str, dict[Purpose, list[bytes]]] = {
    "binance-spot": _BINANCE_ANSWERS,
    "binance-usdm": _BINANCE_ANSWERS,
    "okx-spot": _OKX_ANSWERS,
    "okx-swap": _OKX_ANSWERS,
    "deribit": {Purpose.HEAL: [f'{{"result":{{"trades":[{deribit.trade()}],"has_more":false}}}}'.encode()]},
}


class Hunt:
    """One feed under fire.

    Attributes:
        sent: Frames and answers by kind.
        refused: Refusals by reason.
        published: Events by data type.
    """

    def __init__(self, venue: str, seed: int) -> None:
        self.sent: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.published: Counter[str] = Counter()
        self._venue = venue
        self._answers = {purpose: Fuzzer(samples, seed + 1) for purpose, samples in ANSWERS[venue].items()}
        self._frames = Fuzzer(FRAMES[venue], seed)
        self._now_ns = START_NS

    def run(self, count: int, huge_every: int) -> None:
        """Send so many frames; raises what a feed raises, with what it was sent."""
        feed = self._fresh()
        for number, mutant in enumerate(self._frames.mutants(count, huge_every)):
            if number % FRESH_EVERY == FRESH_EVERY - 1:
                feed = self._fresh()
            self._now_ns += FRAME_NS
            self.sent[mutant.kind] += 1
            try:
                self._use(feed, feed.feed(mutant.body, self._now_ns))
            except Exception as error:
                error.add_note(f"frame {number}, {mutant.kind}: {mutant.body[:1000]!r}")
                raise

    def _fresh(self) -> Feed:
        adapter = DIALECTS[self._venue].adapter([INSTRUMENTS[self._venue]], VENUES[self._venue].data_types)
        return Feed(adapter, book_changes=True)

    def _use(self, feed: Feed, outputs: list[Output]) -> None:
        waiting = list(outputs)
        while waiting:
            output = waiting.pop()
            if isinstance(output, Refusal):
                self.refused[output.reason] += 1
            elif isinstance(output, Record):
                self._publish(output)
            elif isinstance(output, RestRequest):
                waiting += self._answered(feed, output)

    def _publish(self, record: Record) -> None:
        """Every event can be written and read again as it is."""
        payload = wire.encode(record.data_type, Source.REPLAYED, record.instrument, [record.event])
        (event,) = wire.decode(subject(record.data_type, record.instrument), payload).events
        assert event == record.event
        self.published[record.data_type] += 1

    def _answered(self, feed: Feed, request: RestRequest) -> list[Output]:
        """Answer a request with a mutant; often with a sound answer, and now and then not at all."""
        self.sent["answer"] += 1
        turn = self.sent["answer"] % 5
        if turn == 0:
            feed.failed(request, self._now_ns)
            return []
        answers = self._answers[request.purpose]
        mutant = Mutant("sound", answers.sound()) if turn < 3 else next(answers.mutants(1, HUGE_EVERY[LONG]))
        try:
            return feed.answer(request, mutant.body, self._now_ns)
        except Exception as error:
            error.add_note(f"answer to {request.path}, {mutant.kind}: {mutant.body[:1000]!r}")
            raise


def hunted(venue: str, seed: int, count: int) -> Hunt:
    hunt = Hunt(venue, seed)
    try:
        hunt.run(count, HUGE_EVERY.get(count, 1_000))
    except Exception as error:
        error.add_note(f"{venue}: FUZZ_SEED={seed} FUZZ_FRAMES={count}")
        raise
    return hunt


def settings(short: int) -> tuple[int, int]:
    return int(os.environ.get("FUZZ_SEED", "20261124")), int(os.environ.get("FUZZ_FRAMES", str(short)))


@pytest.mark.parametrize("venue", VENUES)
@pytest.mark.parametrize("seed", SEEDS)
def test_some_broken_frames_are_refused_and_counted(venue: str, seed: int) -> None:
    hunt = hunted(venue, seed, SHORT)
    assert set(hunt.sent) >= set(KINDS)
    assert 0 < len(hunt.refused) <= MOST_REASONS
    assert all(re.fullmatch(r"[A-Za-z_-]+", reason) for reason in hunt.refused), hunt.refused
    assert hunt.published["trade"] > 0
    assert hunt.published["orderbook"] > 0


def test_equal_seeds_make_equal_frames() -> None:
    def some(seed: int) -> Iterator[bytes]:
        return (mutant.body for mutant in Fuzzer(FRAMES["okx-swap"], seed).mutants(200, 1000))

    assert list(some(7)) == list(some(7))
    assert list(some(7)) != list(some(8))


@pytest.mark.fuzz
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("venue", VENUES)
def test_a_million_broken_frames_are_refused_and_counted(venue: str, capsys: pytest.CaptureFixture[str]) -> None:
    seed, count = settings(LONG)
    hunt = hunted(venue, seed, count)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{venue}, seed {seed}: {hunt.sent.total()} sent, {hunt.refused.total()} refusals of "
            f"{len(hunt.refused)} kinds, {hunt.published.total()} events published\n"
        )
    assert len(hunt.refused) <= MOST_REASONS
