import pytest

from marketprism.sim.binance.venue import Binance
from marketprism.sim.faults import FAULTS, REFUSALS, FaultKind

ALL = (*FAULTS, *Binance().faults)


def test_names_are_unique() -> None:
    assert len({kind.name for kind in ALL}) == len(ALL)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_every_fault_says_what_it_does_and_ends_by_itself_unless_it_is_a_delisting(kind: FaultKind) -> None:
    assert kind.summary.endswith(".")
    assert kind.once or kind.seconds or kind.count or kind.name == "delisted"


def test_every_refusal_is_a_fault() -> None:
    assert REFUSALS.keys() <= {kind.name for kind in FAULTS}


@pytest.mark.parametrize(
    "name",
    [
        *("gap", "lost-trades", "duplicate", "reordered", "silent", "wrong-route", "close", "close-all", "lifetime"),
        *("server-shutdown", "stale-snapshot", "slow-snapshot", "rate-limited", "banned", "geo-blocked", "forbidden"),
        *("bad-request", "clock-skew", "big-frame", "corrupted", "truncated", "huge", "no-funding", "delisted"),
        *("burst", "liquidation"),
    ],
)
def test_the_faults_that_really_happen_can_be_injected(name: str) -> None:
    assert name in {kind.name for kind in ALL}
