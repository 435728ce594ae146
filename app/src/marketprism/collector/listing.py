"""The exchange's list of instruments: what is configured has to be on it, and what leaves it is delisted."""

import difflib
from collections.abc import Mapping, Sequence

from marketprism.collector.rest import RestClient
from marketprism.contract.instruments import Instrument
from marketprism.errors import ConfigurationError
from marketprism.venues.protocol import Directory, Listing, ListingState


async def fetch(directory: Directory, symbols: Sequence[str], rest: RestClient) -> dict[str, Listing]:
    """Fetch what the exchange lists, by canonical symbol.

    Raises:
        UnavailableError: A request was not answered.
        ContractError: An answer is no list of instruments.
    """
    return directory.read([await rest.get(request) for request in directory.requests(symbols)])


def require_listed(venue: str, symbols: Sequence[str], listings: Mapping[str, Listing]) -> list[Instrument]:
    """Return the instruments of the symbols.

    Raises:
        ConfigurationError: The exchange does not list one of them.
    """
    for symbol in symbols:
        if symbol not in listings:
            near = difflib.get_close_matches(symbol, listings, n=3, cutoff=0.6)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise ConfigurationError(
                f"{venue} does not list {symbol!r}",
                remedy=f"{hint}correct venues.{venue}.symbols",
            )
    return [listings[symbol].instrument for symbol in symbols]


def states(symbols: Sequence[str], listings: Mapping[str, Listing]) -> dict[str, ListingState]:
    """Return the state of each symbol; one that is not on the list any more is delisted."""
    return {symbol: listings[symbol].state if symbol in listings else ListingState.DELISTED for symbol in symbols}
