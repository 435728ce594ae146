"""What keeps the collector from the exchanges: refusals, names, connections that do not hold."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.findings import Certainty, Finding

COLLECTOR = "marketprism-collector.service"
REFUSALS = re.compile(r"\b(451|403)\b")
UNRESOLVED = re.compile(r"name resolution|Name or service not known|No address associated|getaddrinfo|nodename nor")
FLAPPING_LOSSES = 4
"""Losses of one connection in `FLAPPING_SECONDS`; an exchange ends a sound one once a day."""
FLAPPING_SECONDS = 600.0


def exchange_blocked(evidence: Evidence) -> Iterator[Finding]:
    """Find venues that refuse this address or this country."""
    blocked = {name: cause for name, venue in evidence.venues().items() if (cause := refusal(venue))}
    if blocked:
        yield Finding(
            problem="exchange-blocked",
            evidence=tuple(f"{name}: {cause}" for name, cause in blocked.items()),
            venues=frozenset(blocked),
        )


def refusal(venue: dict[str, Any] | Any) -> str:
    """Return how a venue refuses us; empty when it does not."""
    if venue.get("state") == "blocked":
        return str(venue.get("cause") or "blocked")
    for cause in causes(venue):
        if "blocked" in cause and REFUSALS.search(cause):
            return cause
    return ""


def causes(venue: dict[str, Any] | Any) -> list[str]:
    """Return why a venue's connections are closed, and what the venue as a whole waits for."""
    connections = venue.get("connections") or {}
    closed = [str(each.get("cause") or "") for each in connections.values() if not each.get("open")]
    return [cause for cause in (str(venue.get("cause") or ""), *closed) if cause]


def is_connected(venue: dict[str, Any] | Any) -> bool:
    """Tell whether any of a venue's WebSockets is open."""
    return any(each.get("open") for each in (venue.get("connections") or {}).values())


def dns_failure(evidence: Evidence) -> Iterator[Finding]:
    """Find names of exchanges that have no address, where that keeps a venue from being reached.

    A host behind a proxy resolves nothing itself and needs not: only a venue without a connection counts.
    """
    venues = evidence.venues()
    apart = {name for name, venue in venues.items() if not is_connected(venue)}
    complaints = {name: cause for name in apart for cause in causes(venues[name]) if UNRESOLVED.search(cause)}
    failed = {host: error for host, error in evidence.names.items() if error}
    if complaints:
        sentences = [f"{name}: {cause}" for name, cause in sorted(complaints.items())]
        sentences += [f"{host} is not resolved here either: {error}" for host, error in failed.items()]
        yield Finding(problem="dns-failure", evidence=tuple(sentences), venues=frozenset(complaints))
    elif failed and len(failed) == len(evidence.names) and (apart or not venues):
        yield Finding(
            problem="dns-failure",
            evidence=tuple(f"{host} is not resolved: {error}" for host, error in failed.items()),
            certainty=Certainty.SURE if apart else Certainty.LIKELY,
            venues=frozenset(apart) or None,
        )


def websocket_flapping(evidence: Evidence) -> Iterator[Finding]:
    """Find WebSockets that were lost several times in the last minutes, by the journal of the collector that runs."""
    losses: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    unit = (evidence.units or {}).get(COLLECTOR)
    began = max(evidence.now - FLAPPING_SECONDS, unit.since or 0.0) if unit is not None else 0.0
    for line in unit.lines if unit is not None else ():
        if line.seconds < began or '"connection lost"' not in line.text:
            continue
        entry = _entry(line.text)
        if entry.get("component") == "session" and entry.get("event") == "connection lost":
            name = str(entry.get("connection"))
            losses[name] += 1
            reasons[name] = str(entry.get("cause"))
    flapping = {name: count for name, count in losses.items() if count >= FLAPPING_LOSSES}
    if flapping:
        minutes = FLAPPING_SECONDS / 60
        yield Finding(
            problem="websocket-flapping",
            evidence=tuple(
                f"{name} was lost {count} times in {minutes:.0f} minutes, last: {reasons[name]}"
                for name, count in flapping.items()
            ),
            venues=frozenset(name.partition("/")[0] for name in flapping),
        )


def _entry(text: str) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
