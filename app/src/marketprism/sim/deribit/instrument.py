"""One perpetual of Deribit on the wire: which channel carries which fact."""

from collections.abc import Iterable

from marketprism.sim.deribit import frames
from marketprism.sim.deribit.frames import Data
from marketprism.sim.deribit.listings import DeribitListing
from marketprism.sim.deribit.requests import subscription
from marketprism.sim.facts import DepthUpdate, Fact, Fill, Mark, OpenInterest, Top, Volatility
from marketprism.sim.floor import Floor
from marketprism.sim.hub import Channel
from marketprism.sim.instruments import MarketKind
from marketprism.sim.market import TICK_MS, Market
from marketprism.sim.truth import Row
from marketprism.sim.venue import Frame, Publication, Sort

ENTRANCE = "deribit"
_PERIOD_MS = 100


class Instrument:
    """Writes the facts of one market.

    Attributes:
        channels: All that can be subscribed about it, by name.
        book: The one of them that starts with a snapshot.
    """

    def __init__(self, floor: Floor, market: Market) -> None:
        assert isinstance(market.listing, DeribitListing), "Deribit describes its markets itself"
        self.market, self.listing = market, market.listing
        self._floor = floor
        symbol, currency = self.listing.symbol, self.listing.currency
        self.book = f"book.{symbol}.100ms"
        self._trades = (f"trades.{symbol}.100ms", f"trades.future.{currency}.100ms")
        self._ticker = f"ticker.{symbol}.100ms"
        self._volatility = f"deribit_volatility_index.{self.listing.index}"
        self.channels = {self.book, *self._trades, self._ticker}
        if self.listing.inverse:
            self.channels.add(self._volatility)
        self.mark: Mark | None = None
        self._interest: OpenInterest | None = None
        self._last_price = market.book.bids.best
        self._ticks, self._fills, self._stirred = 0, list[Data](), False

    def publications(self, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact, or keep it for the next `batch`."""
        match fact:
            case Fill():
                self._last_price = fact.price
                self._fills.append(frames.trade(self.listing, fact, self.mark, now_ms))
            case DepthUpdate():
                yield self._change(fact, now_ms)
            case Mark():
                self.mark, self._stirred = fact, True
            case OpenInterest():
                self._interest, self._stirred = fact, True
            case Top():
                self._stirred = True
            case Volatility() if self.listing.inverse:
                index = self.listing.index
                yield self._publication(
                    self._volatility, Sort.VOLATILITY, "volatility", frames.volatility(index, fact, now_ms)
                )

    def batch(self, now_ms: int) -> Iterable[Publication]:
        """Write what is told every 100 ms: the trades since the last time, and the ticker where it has changed."""
        self._ticks += 1
        if self._ticks * TICK_MS % _PERIOD_MS:
            return
        fills, self._fills = self._fills, []
        for name in self._trades if fills else ():
            yield self._publication(name, Sort.TRADE, "trades", fills)
        if self._stirred and self.mark and self._interest:
            now = self.market.book.top()
            data = frames.ticker(
                self.listing, self.mark, self._interest, now, last_price=self._last_price, now_ms=now_ms
            )
            self._stirred = False
            yield self._publication(self._ticker, Sort.FUNDING, "ticker", data)

    def snapshot(self, now_ms: int) -> Frame:
        """Return the frame with which a book starts; the next change follows it without a gap."""
        change_id, bids, asks = self.market.book.published(_PERIOD_MS)
        data = frames.snapshot(self.listing, change_id, bids, asks, now_ms)
        if self._floor.truth:
            noted = frames.shortened_book(self.listing, data, Top(change_id, *bids[0], *asks[0]))
            symbol = self.listing.symbol
            self._floor.truth.note(
                Row("snapshot", MarketKind.DERIBIT, symbol, self.book, now_ms, sent=True, event=noted)
            )
        return subscription(self.book, data)

    def _change(self, fact: DepthUpdate, now_ms: int) -> Publication:
        def render() -> Frame:
            broken = self._floor.faults.strike("chain-break", MarketKind.DERIBIT, self.listing.symbol)
            previous_id = fact.previous_id - 1 if broken else fact.previous_id
            return subscription(self.book, frames.change(self.listing, fact, previous_id, now_ms))

        return Publication(
            _channel(self.book),
            Sort.DEPTH,
            "book",
            self.listing.symbol,
            render,
            lambda frame: frames.shortened_book(self.listing, frame["params"]["data"], fact.top),
        )

    def _publication(self, name: str, sort: Sort, kind: str, data: Data | list[Data]) -> Publication:
        """Publish on a channel; the truth log notes the data, trades as a list under their name."""
        noted = {"trades": data} if isinstance(data, list) else data
        return Publication(
            _channel(name), sort, kind, self.listing.symbol, lambda: subscription(name, data), lambda _frame: noted
        )


def _channel(name: str) -> Channel:
    return ENTRANCE, name
