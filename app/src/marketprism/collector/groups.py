"""From a group of exceptions to the deliberate one in it, which is what the operator can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from marketprism.errors import MarketPrismError


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raise the deliberate error that ended a group of tasks, instead of the group; a group without one stays."""
    try:
        yield
    except BaseExceptionGroup as group:
        known = _first_known(group)
        if known is None:
            raise
        raise known from group


def _first_known(group: BaseExceptionGroup[BaseException]) -> MarketPrismError | None:
    for error in group.exceptions:
        found = _first_known(error) if isinstance(error, BaseExceptionGroup) else error
        if isinstance(found, MarketPrismError):
            return found
    return None
