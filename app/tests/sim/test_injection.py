from typing import Any

import pytest

from marketprism.errors import ConfigurationError
from marketprism.sim.faults import FAULTS, FaultKind, Where
from marketprism.sim.injection import Faults, Order, Refusal, order
from marketprism.sim.instruments import MarketKind

SPOT, USDM = MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM


def desk(*orders: dict[str, Any]) -> Faults:
    faults = Faults(FAULTS)
    for each in orders:
        faults.inject(order(each))
    return faults


def test_fields_that_are_not_an_orders_own_are_parameters() -> None:
    assert order({"fault": "close", "venue": "okx-swap", "count": 2, "code": 1008}) == Order(
        fault="close", venue="okx-swap", count=2, parameters={"code": 1008}
    )


def test_a_fault_meets_its_market_and_symbol_only() -> None:
    faults = desk({"fault": "gap", "venue": "binance-usdm", "symbol": "BTCUSDT"})
    assert faults.active("gap", USDM, "BTCUSDT")
    assert not faults.active("gap", USDM, "ETHUSDT")
    assert not faults.active("gap", SPOT, "BTCUSDT")
    assert not faults.active("lost", USDM, "BTCUSDT")


def test_a_fault_of_all_meets_everything_and_one_of_a_symbol_no_frame_about_many() -> None:
    assert desk({"fault": "gap"}).active("gap", SPOT, "")
    assert not desk({"fault": "gap", "symbol": "BTCUSDT"}).active("gap", SPOT, "")


def test_a_count_is_used_up_by_strikes() -> None:
    faults = desk({"fault": "gap", "count": 2})
    assert [bool(faults.strike("gap", SPOT, "A")) for _ in range(3)] == [True, True, False]
    assert faults.alive() == []


def test_a_time_ends() -> None:
    assert not desk({"fault": "silent", "seconds": 0}).active("silent", SPOT)
    assert desk({"fault": "silent", "seconds": 60}).active("silent", SPOT)


def test_of_two_faults_of_a_name_the_one_that_fits_strikes() -> None:
    faults = desk({"fault": "silent", "sort": "depth"}, {"fault": "silent", "sort": "trade"})
    found = faults.strike("silent", SPOT, "A", fits=lambda each: each.text("sort") == "trade")
    assert found is faults.injected[1]
    assert [each.struck for each in faults.injected] == [0, 1]


def test_one_fault_or_all_can_be_withdrawn() -> None:
    faults = desk({"fault": "gap"}, {"fault": "silent"}, {"fault": "lost"})
    assert faults.withdraw(2) == 1
    assert [each.kind.name for each in faults.injected] == ["gap", "lost"]
    assert (faults.withdraw(2), faults.withdraw()) == (0, 2)


def test_requests_are_refused_and_who_goes_on_is_banned() -> None:
    faults = desk({"fault": "rate-limited", "retry_after": 7, "ban_after": 2, "ban_seconds": 90})
    found = [faults.refusal(SPOT) for _ in range(3)]
    assert found == [Refusal(429, 7), Refusal(429, 7), Refusal(418, 90)]
    assert desk({"fault": "geo-blocked"}).refusal(SPOT) == Refusal(451, 0)
    assert desk().refusal(SPOT) is None


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({}, "fault"),
        ({"fault": "nonsense"}, "gap"),
        ({"fault": "gap", "venue": "kraken"}, "binance-spot"),
        ({"fault": "gap", "levels": 5}, "levels"),
        ({"fault": "big-frame", "levels": "many"}, "levels=1226"),
        ({"fault": "gap", "count": "x"}, "count"),
        ({"fault": "only-spot", "venue": "binance-usdm"}, "binance-spot"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_is(wrong: dict[str, Any], named: str) -> None:
    faults = Faults([*FAULTS, FaultKind("only-spot", Where.REST, "x", markets=(SPOT,))])
    with pytest.raises(ConfigurationError) as refused:
        faults.inject(order(wrong))
    assert named in str(refused.value)


def test_whole_numbers_are_times_as_well() -> None:
    assert desk({"fault": "lifetime", "age": 2}).injected[0].seconds("age") == 2.0
