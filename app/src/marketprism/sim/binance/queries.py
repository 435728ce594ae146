"""What a REST request asks for, and the error answers to what it cannot."""

from collections.abc import Callable
from dataclasses import dataclass

Query = dict[str, str]
Answer = Callable[[Query, int], bytes]
"""Answers a query at a time, in milliseconds."""


class BadRequestError(Exception):
    """A request that is answered 400.

    Attributes:
        code: The exchange's error number.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class InvalidSymbolError(BadRequestError):
    """The symbol is not listed."""

    def __init__(self) -> None:
        super().__init__(-1121, "Invalid symbol.")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One path: what a request weighs, and its answer.

    Attributes:
        slow: Whether the fault ``slow-snapshot`` delays it.
    """

    weigh: Callable[[Query], int]
    answer: Answer
    slow: bool = False


def constant(weight: int) -> Callable[[Query], int]:
    """Let every request weigh the same."""
    return lambda _query: weight


def number(text: str | None) -> int | None:
    """Read a natural number; None where it is not one."""
    return int(text) if text and text.isascii() and text.isdigit() else None


def symbol(query: Query) -> str:
    """Return the symbol that a request must name.

    Raises:
        BadRequestError: It names none.
    """
    found = query.get("symbol")
    if not found:
        raise BadRequestError(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
    return found


def limit(query: Query, default: int, most: int) -> int:
    """Return how many rows a request gets.

    Raises:
        BadRequestError: The limit is not a positive number.
    """
    if "limit" not in query:
        return default
    found = number(query["limit"])
    if not found:
        raise BadRequestError(-1130, "Data sent for parameter 'limit' is not valid.")
    return min(found, most)
