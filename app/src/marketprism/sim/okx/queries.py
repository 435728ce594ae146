"""What a REST request asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from marketprism.sim.okx import refusals
from marketprism.sim.okx.instrument import Instrument

Query = Mapping[str, str]
Rows = list[object]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path.

    Attributes:
        most: Requests in two seconds, per address and, where `by_instrument`, per instrument.
        answer: Returns the rows for a query at a time, in milliseconds.
    """

    most: int
    answer: Callable[[Query, int], Rows]
    by_instrument: bool = False


def required(query: Query, name: str) -> str:
    """Return a parameter that has to be given.

    Raises:
        RefusedQueryError: It is not (50014).
    """
    value = query.get(name)
    if not value:
        raise refusals.missing(name)
    return value


def number(query: Query, name: str) -> int | None:
    """Return a natural number; None where the parameter is not given.

    Raises:
        RefusedQueryError: It is none (51000).
    """
    text = query.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise refusals.wrong(name)
    return int(text)


def limit(query: Query, most: int) -> int:
    """Return how many rows a request gets; `most` are the default as well.

    Raises:
        RefusedQueryError: The limit is not a number (51000).
    """
    found = number(query, "limit")
    return most if found is None else min(found, most)


def instrument(query: Query, instruments: Mapping[str, Instrument]) -> Instrument:
    """Return the instrument that a request must name.

    Raises:
        RefusedQueryError: It names none (50014), or one that is not listed (51001).
    """
    found = instruments.get(required(query, "instId"))
    if found is None or not found.market.listed:
        raise refusals.unknown_instrument()
    return found
