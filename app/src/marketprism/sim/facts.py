"""What happens in a market: facts, which every venue writes in its own wire format.

Prices are in ticks and quantities in lots, where nothing else is said.
"""

from dataclasses import dataclass

RATE_DIGITS = 16
"""Digits after the point of a funding rate: `Mark.rate` counts 1e-16."""

FINE_DIGITS = 3
"""Digits that mark, index and average prices have beyond a tick: these prices count thousandths of a tick."""

SHARE_DIGITS = 4
"""Digits after the point of a share of accounts or positions."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One resting order met by a taker; `forced` where the taker was being liquidated."""

    trade_id: int
    price: int
    lots: int
    buyer_is_maker: bool
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Aggregate:
    """All fills of one taker order at one price; `hidden_lots` of them met retail (RPI) orders outside the book."""

    aggregate_id: int
    price: int
    lots: int
    hidden_lots: int
    first_id: int
    last_id: int
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class Top:
    """Best bid and ask right after the change `update_id`."""

    update_id: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int


@dataclass(frozen=True, slots=True)
class DepthUpdate:
    """Every level that changed since the previous update of the same period; zero lots delete.

    Attributes:
        previous_id: `last_id` of the update before it.
        new_bids: Prices of `bids` at which the previous update had no level; likewise `new_asks`.
    """

    period_ms: int
    first_id: int
    last_id: int
    previous_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]
    top: Top
    new_bids: frozenset[int] = frozenset()
    new_asks: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Mark:
    """Prices and funding of a derivative, once a second.

    Attributes:
        mark: In thousandths of a tick (`FINE_DIGITS`), as are `average` (its moving average), `index` and `settle`
            (the estimated settlement price).
        rate: Funding rate of the running interval, in 1e-16.
        funding_ms: When it is settled; 0 where no funding is scheduled.
        interval_ms: Between two settlements.
    """

    mark: int
    average: int
    index: int
    settle: int
    rate: int
    funding_ms: int
    interval_ms: int


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Open positions, every three seconds."""

    lots: int


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One position closed by force; its fills came right before it.

    Attributes:
        buys: Side of the liquidation order; True closes a short position.
        price: Price of the order, the bankruptcy price of the position.
        average: Mean price of the fills, in thousandths of a tick.
        lots: Size of the order.
        filled_lots: What was filled.
        last_lots: Size of the last fill.
    """

    buys: bool
    price: int
    average: int
    lots: int
    filled_lots: int
    last_lots: int
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Volatility:
    """The volatility index of the base currency, once a second, annualised, in hundredths of a percent."""

    hundredths: int


Fact = Fill | Aggregate | Top | DepthUpdate | Mark | OpenInterest | Liquidation | Volatility


@dataclass(frozen=True, slots=True)
class Ratios:
    """Long shares of one five-minute bar, in 1e-4: top traders by position, and all accounts."""

    top_position_long: int
    all_account_long: int
