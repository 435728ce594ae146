from typing import Any

import msgspec
import pytest

from marketprism.sim.faults import FAULTS
from marketprism.sim.injection import Faults, order
from marketprism.sim.instruments import MarketKind
from marketprism.sim.tampering import Outcome, Tampering
from marketprism.sim.venue import Publication, Sort

SPOT = MarketKind.BINANCE_SPOT
FRAME = b'{"e":"trade","s":"BTCUSDT","t":1,"p":"65000.00"}'


def publication(sort: Sort = Sort.TRADE, symbol: str = "BTCUSDT") -> Publication:
    return Publication(("spot", f"{symbol.lower()}@{sort}"), sort, sort.value, symbol, dict)


def tampering(**fault: Any) -> Tampering:
    faults = Faults(FAULTS)
    faults.inject(order(fault))
    return Tampering(faults)


@pytest.mark.parametrize(
    ("fault", "sort"),
    [
        ({"fault": "gap"}, Sort.DEPTH),
        ({"fault": "lost-trades"}, Sort.TRADE),
        ({"fault": "lost", "sort": "liquidation"}, Sort.LIQUIDATION),
        ({"fault": "silent", "sort": "funding"}, Sort.FUNDING),
        ({"fault": "wrong-route", "route": "spot"}, Sort.TOP),
    ],
)
def test_swallowed_frames_are_not_sent_and_name_the_fault(fault: dict[str, Any], sort: Sort) -> None:
    found = tampering(**fault)
    for other in set(Sort) - {sort} if "route" not in fault else set():
        assert found.apply(SPOT, publication(other), FRAME) == Outcome([FRAME])
    assert found.apply(SPOT, publication(sort), FRAME) == Outcome([], sent=False, fault=fault["fault"])


def test_another_entrance_is_not_silenced() -> None:
    found = tampering(fault="wrong-route", route="usdm/market")
    assert found.apply(SPOT, publication(), FRAME) == Outcome([FRAME])


def test_a_duplicate_is_sent_twice_as_often_as_asked_for() -> None:
    found = tampering(fault="duplicate", count=1)
    assert found.apply(SPOT, publication(), FRAME) == Outcome([FRAME, FRAME], fault="duplicate")
    assert found.apply(SPOT, publication(), FRAME) == Outcome([FRAME])
    assert found.idle


def test_a_reordered_frame_comes_behind_its_successor_on_the_same_stream() -> None:
    found = tampering(fault="reordered", symbol="BTCUSDT")
    assert found.apply(SPOT, publication(), b"1") == Outcome([], fault="reordered")
    assert found.apply(SPOT, publication(symbol="ETHUSDT"), b"x") == Outcome([b"x"])
    assert found.apply(SPOT, publication(), b"2") == Outcome([b"2", b"1"])
    assert found.late() == []


def test_a_frame_without_a_successor_is_sent_in_the_end() -> None:
    found = tampering(fault="reordered")
    found.apply(SPOT, publication(), b"1")
    assert found.late() == [(("spot", "btcusdt@trade"), b"1")]


@pytest.mark.parametrize("name", ["corrupted", "truncated"])
def test_damaged_frames_are_no_json_and_count_as_not_sent(name: str) -> None:
    outcome = tampering(fault=name).apply(SPOT, publication(), FRAME)
    assert (outcome.sent, outcome.fault) == (False, name)
    assert outcome.frames != [FRAME]
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(outcome.frames[0])


def test_a_huge_frame_is_the_same_event_and_megabytes_of_padding() -> None:
    outcome = tampering(fault="huge", megabytes=2).apply(SPOT, publication(), FRAME)
    decoded = msgspec.json.decode(outcome.frames[0])
    assert (decoded["t"], len(decoded["padding"]), outcome.sent) == (1, 2_000_000, True)
