"""What the store and the consumers show."""

from dataclasses import replace

import pytest

from marketprism.ops.doctor.catalogue import Severity
from marketprism.ops.doctor.evidence import Consumer, Line
from marketprism.ops.doctor.findings import Certainty
from marketprism.ops.doctor.rules.streams import (
    consumer_stuck,
    dead_letters,
    is_stuck,
    jetstream_corrupt,
    stream_drift,
    stream_full,
)
from tests.ops.doctor import faults
from tests.ops.doctor.faults import NATS, NOW, healthy


def test_damage_is_what_the_server_says_of_itself() -> None:
    (finding,) = jetstream_corrupt(faults.corrupt(healthy()))
    assert finding.evidence == ("NATS says: JetStream stream '$G > MARKET_DATA' could not be recovered",)
    assert finding.certainty is Certainty.SURE


def test_a_damaged_consumer_shows_in_the_journal_and_in_what_is_missing() -> None:
    line = '[WRN]     Error unmarshalling consumer metafile "/var/lib/nats/…/storage-hot/meta.inf": invalid character'
    evidence = faults.failed(healthy(), NATS, line, state="active", sub="running", result="success")
    assert list(jetstream_corrupt(evidence)) == []  # it was repaired since
    (finding,) = jetstream_corrupt(replace(evidence, stream_drift=("consumer storage-hot of MARKET_DATA is missing",)))
    assert (finding.evidence, finding.certainty) == ((f"journal: {line}",), Certainty.LIKELY)


def test_a_damage_that_was_repaired_is_not_why_the_server_is_down_now() -> None:
    down = faults.failed(healthy(), NATS, "stream MARKET_DATA could not be recovered")
    assert [*jetstream_corrupt(down)]
    old = faults.unit(down, NATS, lines=(Line(seconds=NOW - 600, text="stream MARKET_DATA could not be recovered"),))
    assert [*jetstream_corrupt(old)] == []


def test_a_server_that_starts_is_not_damaged() -> None:
    starting = faults.silent(healthy(), "nats_monitor")
    assert list(jetstream_corrupt(starting)) == []


def test_a_full_stream_is_told_with_its_size() -> None:
    (finding,) = stream_full(faults.stream_full(healthy()))
    assert finding.evidence == (
        "MARKET_DATA holds 1 of 1 MiB, 500 messages",
        "collector: MARKET_DATA refuses messages: maximum bytes exceeded",
    )


def test_drift_that_stops_nothing_explains_nothing() -> None:
    (finding,) = stream_drift(faults.stream_config(healthy()))
    assert (finding.explains, finding.weight) == (frozenset(), Severity.DEGRADED)
    (finding,) = stream_drift(faults.consumer_missing(healthy()))
    assert "stale-data" in finding.explains
    assert finding.weight is Severity.BROKEN


def test_dead_letters_are_counted() -> None:
    (finding,) = dead_letters(faults.dead_letters(healthy()))
    assert finding.evidence == ("DEAD_LETTERS holds 4 messages, 900 bytes",)


@pytest.mark.parametrize(
    ("consumer", "oldest", "stuck"),
    [
        (Consumer(name="c", pending=5, idle_seconds=61), 100.0, True),
        (Consumer(name="c", unacknowledged=5, idle_seconds=61), 100.0, True),
        (Consumer(name="c", pending=900_000, idle_seconds=1), 100.0, False),  # behind, and catching up
        (Consumer(name="c", idle_seconds=3600), 100.0, False),  # nothing to do
        (Consumer(name="c", pending=5), 5.0, False),  # new
        (Consumer(name="c", pending=5), 500.0, True),
    ],
)
def test_a_consumer_is_stuck(consumer: Consumer, oldest: float, stuck: bool) -> None:
    assert is_stuck(consumer, oldest) is stuck


def test_a_consumer_whose_storage_waits_for_clickhouse_is_not_stuck() -> None:
    waiting = faults.waits(faults.lagging(healthy()), "ClickHouse at a:9000 is away")
    assert list(consumer_stuck(waiting)) == []
    (finding,) = consumer_stuck(faults.lagging(healthy()))
    assert finding.evidence == (
        (
            "storage-hot of MARKET_DATA: 9000 messages wait, 100 are not acknowledged,"
            " the last acknowledgement was 400 s ago"
        ),
    )
