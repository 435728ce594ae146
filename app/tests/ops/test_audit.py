"""Which figures agree and which do not."""

import pytest

from marketprism.contract.instruments import Source
from marketprism.ops.audit import Audit, Line, differences, kept
from marketprism.ops.delivery import Delivery
from marketprism.ops.holes import Verdict
from marketprism.ops.sequences import Count, Window

WINDOW = Window(Source.LIVE, 0, 1)
HOPS = {"received": 100, "published": 90, "coalesced": 4, "refused": 1, "spooled": 2, "in_flight": 3}
DAY_US = 86_400_000_000
PLACE = ("binance", "spot", "BTC-USDT")


def delivery(lost: int = 0) -> Delivery:
    return Delivery(
        stream="MARKET_DATA", first=1, last=9, messages=9, stored=6, dead_lettered=1, repeated=2 - lost, lost=lost,
        unknown=0, pending=4, rows=60,
    )  # fmt: skip


def line(count: Count | None = None, verdict: Verdict | None = None) -> Line:
    return Line(data_type="trade", place=PLACE, count=count or Count(60), verdict=verdict or Verdict())


@pytest.mark.parametrize(
    ("since_us", "kept_us"), [(0, 9 * DAY_US), (9 * DAY_US - 1, 9 * DAY_US), (9 * DAY_US + 1,) * 2]
)
def test_nothing_is_asked_of_the_time_whose_rows_may_have_gone(since_us: int, kept_us: int) -> None:
    assert kept(Window(Source.LIVE, since_us, 10 * DAY_US), hot_days=1) == Window(Source.LIVE, kept_us, 10 * DAY_US)


def test_sums_that_hold_and_explained_holes_are_no_difference() -> None:
    sound = Audit(WINDOW, HOPS, [delivery()], [line(verdict=Verdict(missing=5, explained=5))])
    assert differences(sound) == []
    assert differences(Audit(WINDOW, None)) == [], "a collector that does not run has nothing to account for"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (Audit(WINDOW, HOPS | {"refused": 0}), "collector: received 100 events, accounts for 99"),
        (Audit(WINDOW, HOPS, [delivery(lost=1)]), "MARKET_DATA: 1 messages are nowhere"),
        (Audit(WINDOW, HOPS, [], [line(Count(60, twice=2))]), "trade binance spot BTC-USDT: 2 rows are stored twice"),
        (Audit(WINDOW, HOPS, [], [line(Count(60, repeated=3))]), "trade binance spot BTC-USDT: 3 rows repeat an event"),
        (
            Audit(WINDOW, HOPS, [], [line(verdict=Verdict(7, explained=3))]),
            "trade binance spot BTC-USDT: 4 missing ids are in no ledger",
        ),
        (
            Audit(WINDOW, HOPS, [], [line(verdict=Verdict(7, explained=3, contradicted=4))]),
            "trade binance spot BTC-USDT: 4 missing ids are healed by the ledger",
        ),
    ],
)
def test_every_difference_is_named_with_its_number(found: Audit, sentence: str) -> None:
    assert differences(found) == [sentence]
