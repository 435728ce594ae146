"""One instrument of OKX on the wire: which channel carries which fact."""

from collections.abc import Callable, Iterable

from marketprism.sim.facts import Aggregate, DepthUpdate, Fact, Fill, Liquidation, Mark, OpenInterest
from marketprism.sim.floor import Floor
from marketprism.sim.market import Market
from marketprism.sim.okx import frames
from marketprism.sim.okx.depth import Depth
from marketprism.sim.okx.listings import OkxListing
from marketprism.sim.okx.requests import Entrance
from marketprism.sim.okx.rules import OkxRules
from marketprism.sim.venue import Publication, Sort

_FOREIGN_EVERY = 2


class Instrument:
    """Writes the facts of one market.

    Attributes:
        depth: Its ``books`` channel.
    """

    def __init__(self, floor: Floor, market: Market, rules: OkxRules) -> None:
        assert isinstance(market.listing, OkxListing), "OKX describes its markets itself"
        self.market, self.listing = market, market.listing
        self.depth = Depth(floor, market, self.listing, keepalive_seconds=rules.keepalive_seconds)
        self._rules = rules
        self._marks = 0
        self._mark: Mark | None = None
        self._settled = 0
        self._liquidations = 0

    def publications(self, fact: Fact, now_ms: int) -> Iterable[Publication]:
        """Write one fact; called in the order in which facts happen."""
        match fact:
            case Fill():
                yield self._row(Sort.TRADE, "trades-all", lambda: frames.fill(self.listing, fact, now_ms))
            case Aggregate():
                # Trades carry the id of the book's last change, which several of them may share.
                sequence = self.market.book.update_id
                yield self._row(Sort.TRADE, "trades", lambda: frames.aggregate(self.listing, fact, sequence, now_ms))
            case DepthUpdate():
                yield from self.depth.updates(fact, now_ms)
            case Mark():
                yield from self._funding(fact, now_ms)
            case OpenInterest():
                yield from self._interest(fact, now_ms)
            case Liquidation():
                yield self._liquidation(fact, now_ms)

    def _funding(self, fact: Mark, now_ms: int) -> Iterable[Publication]:
        """Push the rate now and then; remember what the interval before was settled at."""
        before, self._mark = self._mark, fact
        if before is None or before.funding_ms != fact.funding_ms:
            self._settled = (before or fact).rate
        if self._marks % self._rules.funding_seconds == 0:
            settled = self._settled
            yield self._row(Sort.FUNDING, "funding-rate", lambda: frames.funding(self.listing, fact, settled, now_ms))
        self._marks += 1

    def _interest(self, fact: OpenInterest, now_ms: int) -> Iterable[Publication]:
        mark = self._mark
        if mark:
            yield self._row(
                Sort.OPEN_INTEREST, "open-interest", lambda: frames.open_interest(self.listing, fact, mark, now_ms)
            )

    def _liquidation(self, fact: Liquidation, now_ms: int) -> Publication:
        """Push a liquidation to the channel of its instrument type, now and then beside one that is listed nowhere."""
        own, about = frames.liquidation(self.listing, fact, now_ms), {"instType": self.listing.kind}
        self._liquidations += 1
        foreign = [frames.foreign_liquidation(now_ms)] if self._liquidations % _FOREIGN_EVERY else []
        return Publication(
            (Entrance.PUBLIC, f"liquidation-orders:{self.listing.kind}"),
            Sort.LIQUIDATION,
            "liquidation-orders",
            self.listing.symbol,
            lambda: frames.push("liquidation-orders", about, [*foreign, own]),
            lambda _: own,
        )

    def _row(self, sort: Sort, channel: str, render: Callable[[], frames.Row]) -> Publication:
        """Publish a frame of one row on a channel of this instrument; the truth log notes the row."""
        symbol = self.listing.symbol
        entrance = Entrance.BUSINESS if channel == "trades-all" else Entrance.PUBLIC
        return Publication(
            (entrance, f"{channel}:{symbol}"),
            sort,
            channel,
            symbol,
            lambda: frames.push(channel, {"instId": symbol}, [render()]),
            lambda frame: dict(frame["data"][0]),
        )
