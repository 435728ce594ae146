"""With what a market opens, and what it needs to continue after a stop."""

from hashlib import sha256
from random import Random

import msgspec

from marketprism.sim.instruments import Listing

FEWEST_LEVELS, MOST_LEVELS = 700, 1000
"""Between these the count of levels a side stays in the long run."""

_SPREAD_OF_BOOK = 0.015


class MarketState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a market needs to continue exactly where it stopped; prices in ticks, best level first."""

    tick: int
    fair: float
    update_id: int
    trade_id: int
    aggregate_id: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


def opening_state(listing: Listing, *, seed: int, update_id: int, trade_id: int) -> MarketState:
    """Build the book with which a market opens; both ids are the last ones taken before."""
    random = Random(entropy(listing, seed) - 1)  # noqa: S311 - a market that can be repeated, no secret
    sides: list[list[tuple[int, int]]] = []
    for sign, best in ((-1, listing.price), (1, listing.price + 1)):
        price, levels = best, []
        for place in range(FEWEST_LEVELS + 100):
            levels.append((price, 1 + int(random.expovariate(1 / listing.lots))))
            price += sign * (1 + int(random.expovariate(1 / (mean_gap(listing) * (0.02 + 2 * place / MOST_LEVELS)))))
        sides.append([level for level in levels if level[0] > 0])
    return MarketState(
        tick=0,
        fair=float(listing.price),
        update_id=update_id,
        trade_id=trade_id,
        aggregate_id=trade_id // 2,
        bids=sides[0],
        asks=sides[1],
    )


def mean_gap(listing: Listing) -> float:
    """Mean distance of neighbouring levels, in ticks, so that the book spans 1.5 % of the price a side."""
    return max(1.5, listing.price * _SPREAD_OF_BOOK / MOST_LEVELS)


def entropy(listing: Listing, seed: int) -> int:
    """Turn seed and symbol into a number whose successors (one a tick) meet those of no other symbol."""
    return int.from_bytes(sha256(f"{seed}:{listing.key}".encode()).digest()[:16]) << 48
