"""What a restart must not break: ids that only grow, and are contiguous where nothing happened in between.

A real exchange never reuses an id. The state file holds whole markets. After a clean stop they continue exactly where
they were: the last depth update was sent, so the next one follows it without a gap and nobody has missed anything.
After a kill the file is some seconds old and what was sent since is unknown, so ids jump by more than can have been
used: clients see a gap, as they do when they miss events of the real exchange. Without a file ids start from the wall
clock, which puts them above those of every earlier run by the same bound.
"""

import asyncio
from hashlib import sha256
from pathlib import Path
from time import time_ns

import msgspec

from marketprism.errors import ConfigurationError
from marketprism.sim.instruments import Listing
from marketprism.sim.market import Market
from marketprism.sim.opening import MarketState, opening_state
from marketprism.telemetry import logs

_LOG = logs.get("sim")
SAVE_SECONDS = 5.0
UPDATE_IDS_PER_MS = 100
TRADE_IDS_PER_MS = 1
_EPOCH_MS = 1_700_000_000_000
"""Ids count from here, so that they keep the length of real ones."""


class SavedMarket(msgspec.Struct, frozen=True, kw_only=True):
    """A market with the steps in which its book is written."""

    tick_digits: int
    lot_digits: int
    market: MarketState


class SavedExchange(msgspec.Struct, frozen=True, kw_only=True):
    """The state file: markets by `Listing.key`; `clean` when the exchange had stopped."""

    clean: bool
    saved_ms: int
    markets: dict[str, SavedMarket]


def load(path: Path | None) -> SavedExchange | None:
    """Read a state file; None where there is none yet.

    Raises:
        ConfigurationError: It is not readable as one.
    """
    if path is None or not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=SavedExchange)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(
            f"the simulator's state file {path} cannot be read: {error}",
            remedy="move it aside; the markets then start new, with ids above all earlier ones",
        ) from error


def starting_state(listing: Listing, seed: int, saved: SavedExchange | None, now_ms: int) -> MarketState:
    """Return the state in which a market starts."""
    previous = saved.markets.get(listing.key) if saved else None
    if saved is None or previous is None:
        return _new_market(listing, seed, now_ms)
    state = previous.market
    if not saved.clean:
        missed = max(0, now_ms - saved.saved_ms) + int(SAVE_SECONDS * 1000)
        state = msgspec.structs.replace(
            state,
            update_id=state.update_id + missed * UPDATE_IDS_PER_MS,
            trade_id=state.trade_id + missed * TRADE_IDS_PER_MS,
            aggregate_id=state.aggregate_id + missed * TRADE_IDS_PER_MS,
        )
    if (previous.tick_digits, previous.lot_digits) != (listing.tick.digits, listing.lot.digits):
        new = opening_state(listing, seed=seed, update_id=state.update_id, trade_id=state.trade_id)
        return msgspec.structs.replace(new, aggregate_id=state.aggregate_id, tick=state.tick)
    return state


def _new_market(listing: Listing, seed: int, now_ms: int) -> MarketState:
    """Open a market; each symbol counts from its own offset, so that ids of one never fit the chain of another."""
    age = now_ms - _EPOCH_MS
    offset = int.from_bytes(sha256(listing.key.encode()).digest()[:3]) * 1000
    update_id, trade_id = age * UPDATE_IDS_PER_MS + 100 * offset, age * TRADE_IDS_PER_MS + offset
    return opening_state(listing, seed=seed, update_id=update_id, trade_id=trade_id)


class StateFile:
    """Writes the markets to their file, atomically.

    Args:
        others: Saved markets that this run does not serve; they are kept, for their ids.
    """

    def __init__(self, path: Path, markets: list[Market], others: dict[str, SavedMarket]) -> None:
        self._path, self._markets, self._others = path, markets, others

    async def run(self) -> None:
        """Save every few seconds until cancelled. A failure is logged only: ids jump by the age of the file."""
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            try:
                await self.save(clean=False)
            except OSError as error:
                _LOG.exception("sim.state_not_saved", path=str(self._path), reason=str(error))

    async def save(self, *, clean: bool) -> None:
        """Write the state.

        Before the first event of a run it must be written once with ``clean=False``, or a kill would go unnoticed.

        Raises:
            OSError: The file cannot be written.
        """
        saved = SavedExchange(
            clean=clean,
            saved_ms=time_ns() // 1_000_000,
            markets=self._others | {market.listing.key: _saved(market) for market in self._markets},
        )
        await asyncio.to_thread(self._write, msgspec.json.encode(saved))

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_bytes(content)
        new.replace(self._path)


def _saved(market: Market) -> SavedMarket:
    listing = market.listing
    return SavedMarket(tick_digits=listing.tick.digits, lot_digits=listing.lot.digits, market=market.state())
