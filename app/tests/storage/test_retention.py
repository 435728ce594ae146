"""A day is as old as its newest insert."""

from marketprism.storage.retention import expired
from marketprism.storage.tier import DAY, Day


def test_only_days_whose_newest_insert_is_older_than_the_limit_expire():
    days = [
        Day(id=str(age), start=0, rows=1, inserted_seconds_ago=age, parts=("p",)) for age in (0, 7 * DAY, 7 * DAY + 1)
    ]
    assert [day.id for day in expired(days, 7)] == [str(7 * DAY + 1)]
