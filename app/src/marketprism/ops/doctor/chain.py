"""The way of the data, hop by hop: where it still passes and where it ends."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from marketprism.contract.catalog import STREAMS
from marketprism.ops.doctor.catalogue import Hop
from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.rules.exchange import causes, is_connected, refusal
from marketprism.ops.doctor.rules.services import (
    LATCHED,
    SERVICES,
    cold_complaint,
    complaint,
    is_asleep,
    is_settled,
    no_answer,
)
from marketprism.ops.doctor.rules.streams import FULL_SHARE, durable, is_stuck, publisher_causes
from marketprism.ops.doctor.rules.tables import stale_feeds, storage_waits

QUIET_SECONDS = 60.0
"""Where something comes many times a second, this long without anything is silence."""
RECONNECT_SECONDS = 30.0
"""A connection that was lost less than this ago is being opened again."""


class Passage(StrEnum):
    """Whether data passes a hop."""

    OK = "ok"
    SILENT = "silent"  # nothing is in the way, and nothing comes
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Station:
    """One hop and what was seen there."""

    hop: Hop
    passage: Passage
    detail: str


def walk(evidence: Evidence) -> list[Station]:
    """Look at every hop, in the order in which data passes them."""
    looks = {
        Hop.EXCHANGE: _exchange,
        Hop.SOCKET: _socket,
        Hop.PUBLISHED: _published,
        Hop.STREAM: _stream,
        Hop.CONSUMER: _consumer,
        Hop.INSERTED: _inserted,
        Hop.FRESH: _fresh,
    }
    return [Station(hop, *look(evidence)) for hop, look in looks.items()]


def first_broken(stations: list[Station]) -> Station | None:
    """Return the first hop that data does not pass."""
    return next((station for station in stations if station.passage is Passage.BROKEN), None)


def _exchange(evidence: Evidence) -> tuple[Passage, str]:
    venues = evidence.venues()
    if not venues:
        return Passage.UNKNOWN, "only the collector knows, and it does not answer"
    refused = {name: cause for name, venue in venues.items() if (cause := refusal(venue))}
    if refused:
        return Passage.BROKEN, "; ".join(f"{name}: {cause}" for name, cause in refused.items())
    return Passage.OK, f"{len(venues)} venues serve us"


def _socket(evidence: Evidence) -> tuple[Passage, str]:
    venues = evidence.venues()
    if not venues:
        return _silent(evidence, "collector")
    ages = {name: _youngest(venue) for name, venue in venues.items()}
    apart = {
        name: causes(venue)
        for name, venue in venues.items()
        if not is_connected(venue) and ages[name] > RECONNECT_SECONDS
    }
    if apart:
        return Passage.BROKEN, "; ".join(
            f"{name}: {', '.join(why[:2]) or 'not connected'}" for name, why in apart.items()
        )
    quiet = [f"{name} for {age:.0f} s" for name, age in ages.items() if QUIET_SECONDS < age < math.inf]
    if quiet:
        return Passage.SILENT, f"connected, but silent: {', '.join(quiet)}"
    count = sum(len(venue.get("connections") or {}) for venue in venues.values())
    return Passage.OK, f"{count} connections of {len(venues)} venues"


def _youngest(venue: Mapping[str, Any]) -> float:
    """Return the age of a venue's newest event; infinite where the collector does not say."""
    ages = venue.get("age_seconds") or {}
    return min((age for by_symbol in ages.values() for age in by_symbol.values()), default=math.inf)


def _published(evidence: Evidence) -> tuple[Passage, str]:
    publisher = evidence.details("collector").get("publisher")
    if not isinstance(publisher, dict):
        return _silent(evidence, "nats_monitor", "only the collector knows, and it does not answer")
    if not publisher.get("connected", True):
        return Passage.BROKEN, "; ".join(publisher_causes(evidence)) or "the collector has no connection to NATS"
    return Passage.OK, f"{publisher.get('published', 0)} events published, {publisher.get('in_flight', 0)} in flight"


def _stream(evidence: Evidence) -> tuple[Passage, str]:
    faults = _stream_faults(evidence)
    if faults:
        return Passage.BROKEN, "; ".join(faults)
    if evidence.streams is None:
        return _silent(evidence, "nats_monitor")
    newest = [s.newest_seconds for s in evidence.streams.values() if s.newest_seconds is not None]
    if newest and min(newest) > QUIET_SECONDS:
        return Passage.SILENT, f"the newest message is {min(newest):.0f} s old"
    return Passage.OK, f"{sum(stream.messages for stream in evidence.streams.values())} messages"


def _stream_faults(evidence: Evidence) -> list[str]:
    said = complaint(evidence)
    # A latched server has a problem of its own, which ends the data's way at an earlier hop.
    unwell = said and not LATCHED.search(said) and is_settled(evidence, "nats_monitor")
    found = [f"NATS says: {said[:300]}"] if unwell else []
    if evidence.streams is None:
        return found
    absent = [name for name in STREAMS if name not in evidence.streams]
    full = [s.name for s in evidence.streams.values() if s.max_bytes and s.bytes > s.max_bytes * FULL_SHARE]
    found += [f"missing: {', '.join(absent)}"] if absent else []
    found += [f"full: {', '.join(full)}"] if full else []
    return found + (publisher_causes(evidence) if _is_connected(evidence) else [])


def _is_connected(evidence: Evidence) -> bool:
    publisher = evidence.details("collector").get("publisher")
    return isinstance(publisher, dict) and bool(publisher.get("connected"))


def _consumer(evidence: Evidence) -> tuple[Passage, str]:
    details = evidence.details("storage_hot")
    if not details:
        return _silent(evidence, "storage_hot")
    nats = evidence.face("nats_monitor")
    waits = [wait for wait in storage_waits(evidence) if "ClickHouse" not in wait]
    if waits and (nats is None or nats.status == 200 or not any("NATS" in wait for wait in waits)):
        return Passage.BROKEN, "; ".join(waits)
    if evidence.streams is None:
        return Passage.UNKNOWN, "NATS does not say"
    consumers = [(s, c) for s in evidence.streams.values() for c in durable(s)]
    named = details.get("waits") or {}
    stuck = [f"{c.name} of {s.name}" for s, c in consumers if s.name not in named and is_stuck(c, s.oldest_seconds)]
    if stuck:
        return Passage.BROKEN, f"stuck: {', '.join(stuck)}"
    unread = [name for name, stream in STREAMS.items() if stream.consumer and not _has_consumer(evidence, name)]
    if unread:
        return Passage.BROKEN, f"no consumer reads {', '.join(unread)}"
    return Passage.OK, f"{sum(c.pending for _, c in consumers)} messages wait"


def _has_consumer(evidence: Evidence, name: str) -> bool:
    stream = (evidence.streams or {}).get(name)
    return stream is None or bool(durable(stream))


def _inserted(evidence: Evidence) -> tuple[Passage, str]:
    waits = [wait for wait in storage_waits(evidence) if "ClickHouse" in wait]
    if waits:
        return Passage.BROKEN, "; ".join(waits[:2])
    face = evidence.face("clickhouse_http")
    if face is not None and face.status == 0:
        return Passage.BROKEN, no_answer(face)
    rates = evidence.details("storage_hot").get("events_per_second")
    if not isinstance(rates, dict):
        return Passage.UNKNOWN, "only storage knows, and it does not answer"
    return Passage.OK, f"{sum(rates.values()):.0f} rows a second"


def _fresh(evidence: Evidence) -> tuple[Passage, str]:
    stale = stale_feeds(evidence)
    total = len(evidence.tables.feeds) if evidence.tables is not None else 0
    if stale:
        return Passage.BROKEN, f"{len(stale)} of {total} feeds are stale"
    said = cold_complaint(evidence)
    if said and is_settled(evidence, "storage_cold"):  # last, as it keeps nothing from the hot tables
        return Passage.BROKEN, f"cold storage says: {said[:300]}"
    if evidence.tables is None:
        return Passage.UNKNOWN, "ClickHouse does not say"
    return Passage.OK, f"{total} feeds are fresh"


def _silent(evidence: Evidence, name: str, otherwise: str = "it was not asked") -> tuple[Passage, str]:
    face = evidence.face(name)
    unit = next(((evidence.units or {}).get(s.unit) for s in SERVICES if s.face == name), None)
    if unit is not None and is_asleep(unit):
        return Passage.BROKEN, f"{unit.name} is {unit.state}"
    if face is not None and face.status == 0:
        return Passage.BROKEN, no_answer(face)
    return Passage.UNKNOWN, otherwise
