"""Every hop says how data passes it, and the first broken one comes first."""

from dataclasses import replace

import pytest

from marketprism.ops.doctor.catalogue import Hop
from marketprism.ops.doctor.chain import Passage, first_broken, walk
from marketprism.ops.doctor.evidence import Evidence
from tests.ops.doctor import faults
from tests.ops.doctor.faults import healthy


def passages(evidence: Evidence) -> dict[Hop, str]:
    return {station.hop: station.passage.value for station in walk(evidence)}


@pytest.mark.parametrize(
    ("fault", "hop"),
    [
        (faults.blocked, Hop.EXCHANGE),
        (faults.collector_down, Hop.SOCKET),
        (faults.nats_down, Hop.PUBLISHED),
        (faults.stream_full, Hop.STREAM),
        (faults.storage_down, Hop.CONSUMER),
        (faults.clickhouse_down, Hop.INSERTED),
        (faults.books_empty, Hop.FRESH),
    ],
)
def test_a_fault_breaks_its_own_hop_first(fault: faults.Fault, hop: Hop) -> None:
    station = first_broken(walk(fault(healthy())))
    assert station is not None
    assert station.hop is hop


def test_an_exchange_that_sends_nothing_is_silent_and_not_broken() -> None:
    found = walk(faults.silent_exchange(healthy()))[1]
    assert (found.passage, found.detail) == (
        Passage.SILENT,
        "connected, but silent: binance-spot for 305 s, okx-spot for 305 s",
    )


def test_a_connection_that_was_lost_just_now_is_being_opened_again() -> None:
    closed = {"okx-spot/public": {"open": False, "cause": "1006"}}
    evidence = faults.venue(healthy(), "okx-spot", connections=closed, age_seconds={"trade": {"BTC-USDT": 4.0}})
    assert passages(evidence)[Hop.SOCKET] == "ok"


def test_a_hop_that_nobody_can_see_is_unknown() -> None:
    bare = Evidence(now=faults.NOW)
    assert set(passages(bare).values()) == {"unknown"}
    assert first_broken(walk(bare)) is None


def test_a_missing_consumer_breaks_its_hop() -> None:
    evidence = replace(faults.consumer_missing(healthy()), stream_drift=None)
    assert walk(evidence)[4].detail == "no consumer reads MARKET_DATA"
