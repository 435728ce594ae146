"""Old days go as a whole.

A day is as old as its newest insert: history that was replayed or backfilled stays its full time.
"""

from collections.abc import Iterable, Iterator

from marketprism.contract.tables import Table
from marketprism.storage.tier import DAY, Day, Tier


def expired(days: Iterable[Day], limit: int) -> Iterator[Day]:
    """Yield the days whose newest insert is more than `limit` days old."""
    return (day for day in days if day.inserted_seconds_ago > limit * DAY)


def drop_old(tier: Tier, table: Table, limit: int) -> int:
    """Drop days by age alone; returns how many.

    Raises:
        QueryRefusedError: The server refuses it.
        UnavailableError: The server does not answer.
    """
    return sum(tier.drop(table, day) for day in expired(tier.days(table), limit))
