"""JetStream: its store, its streams, and the consumers of storage."""

import re
from collections.abc import Iterator

from marketprism.contract.catalog import DEAD_LETTERS, STREAMS
from marketprism.ops.doctor.catalogue import PROBLEMS, Severity
from marketprism.ops.doctor.evidence import Consumer, Evidence, Stream, Unit
from marketprism.ops.doctor.findings import Certainty, Finding
from marketprism.ops.doctor.rules.services import complaint, is_asleep

NATS = "nats-server.service"
STORAGE = "marketprism-storage@hot.service"
FULL_SHARE = 0.9
"""Storage purges what is stored from 60 % on: more than this is not stored."""
STUCK_SECONDS = 60.0
DAMAGE_SECONDS = 120.0
"""A server that ends of a damage says so at every start; an older line is of one that was repaired since."""
DAMAGE = re.compile(
    r"could not be recovered|Error unmarshalling (stream|consumer) metafile|metafile .*checksums? (do|does) not match"
    r"|Error recreating (stream|consumer)|bad (checksum|encoding)|corrupt",
    re.IGNORECASE,
)
FULL = re.compile(r"maximum bytes exceeded|resource limits exceeded|insufficient (storage )?resources", re.IGNORECASE)


def jetstream_corrupt(evidence: Evidence) -> Iterator[Finding]:
    """Find a store that the server cannot read: it says so in its health and in its journal."""
    said = complaint(evidence)
    unit = (evidence.units or {}).get(NATS)
    lines = _damage(unit, evidence.now) if unit is not None else []
    journal = tuple(f"journal: {text[:300]}" for text in dict.fromkeys(lines[-2:]))
    if DAMAGE.search(said):
        yield Finding(problem="jetstream-corrupt", evidence=(f"NATS says: {said[:300]}", *journal))
    elif journal and (evidence.stream_drift or (unit is not None and is_asleep(unit))):
        yield Finding(problem="jetstream-corrupt", evidence=journal, certainty=Certainty.LIKELY)


def _damage(unit: Unit, now: float) -> list[str]:
    began = now - DAMAGE_SECONDS if is_asleep(unit) else unit.since or 0.0
    return [line.text for line in unit.lines if line.seconds >= began and DAMAGE.search(line.text)]


def stream_full(evidence: Evidence) -> Iterator[Finding]:
    """Find streams without room, by their size or by the collector's refused messages."""
    full = [
        f"{stream.name} holds {stream.bytes / 1024**2:.0f} of {stream.max_bytes / 1024**2:.0f} MiB,"
        f" {stream.messages} messages"
        for stream in (evidence.streams or {}).values()
        if stream.max_bytes > 0 and stream.bytes > stream.max_bytes * FULL_SHARE
    ]
    refused = [f"collector: {cause}" for cause in publisher_causes(evidence) if FULL.search(cause)]
    if full or refused:
        certainty = Certainty.SURE if full else Certainty.LIKELY
        yield Finding(problem="stream-full", evidence=(*full, *refused), certainty=certainty)


def publisher_causes(evidence: Evidence) -> list[str]:
    """Return why the collector cannot publish."""
    publisher = evidence.details("collector").get("publisher")
    found = publisher.get("causes") if isinstance(publisher, dict) else None
    return [str(cause) for cause in found] if isinstance(found, list) else []


def stream_drift(evidence: Evidence) -> Iterator[Finding]:
    """Find streams and consumers that are not as the contract says; only a missing one or wrong subjects lose data."""
    if evidence.stream_drift:
        stops = any("is missing" in text or ": subjects " in text for text in evidence.stream_drift)
        yield Finding(
            problem="stream-drift",
            evidence=evidence.stream_drift,
            consequences=PROBLEMS["stream-drift"].consequences if stops else frozenset(),
            severity=Severity.BROKEN if stops else None,
        )


def dead_letters(evidence: Evidence) -> Iterator[Finding]:
    """Find messages that storage laid aside."""
    stream = (evidence.streams or {}).get(DEAD_LETTERS)
    if stream is not None and stream.messages:
        yield Finding(
            problem="dead-letters", evidence=(f"{DEAD_LETTERS} holds {stream.messages} messages, {stream.bytes} bytes",)
        )


def consumer_stuck(evidence: Evidence) -> Iterator[Finding]:
    """Find consumers with work and no acknowledgement, while storage runs and waits for nobody."""
    unit = (evidence.units or {}).get(STORAGE)
    details = evidence.details("storage_hot")
    if not details or (unit is not None and is_asleep(unit)):
        return  # that storage does not answer is a problem of its own
    stuck = details.get("stuck_seconds") or {}
    waits = details.get("waits") or {}
    sentences = [f"storage's loop {name} is silent for {seconds:.0f} s" for name, seconds in stuck.items()]
    sentences += [
        f"{consumer.name} of {stream.name}: {consumer.pending} messages wait, {consumer.unacknowledged} are not"
        f" acknowledged, the last acknowledgement was {_ago(consumer, stream.oldest_seconds):.0f} s ago"
        for stream in (evidence.streams or {}).values()
        for consumer in durable(stream)
        if stream.name not in waits and is_stuck(consumer, stream.oldest_seconds)
    ]
    if sentences:
        yield Finding(problem="consumer-stuck", evidence=tuple(sentences))


def durable(stream: Stream) -> list[Consumer]:
    """Return the stream's consumer of the contract; one that reads again after a crash comes and goes."""
    wanted = STREAMS[stream.name].consumer if stream.name in STREAMS else None
    return [consumer for consumer in stream.consumers if consumer.name == wanted]


def is_stuck(consumer: Consumer, oldest_seconds: float | None) -> bool:
    """Tell whether a consumer has work and has not acknowledged any for too long."""
    work = consumer.pending + consumer.unacknowledged
    return work > 0 and _ago(consumer, oldest_seconds) > STUCK_SECONDS


def _ago(consumer: Consumer, oldest_seconds: float | None) -> float:
    """Return the time without an acknowledgement; a consumer that never acknowledged has waited for the oldest."""
    return consumer.idle_seconds if consumer.idle_seconds is not None else oldest_seconds or 0.0
