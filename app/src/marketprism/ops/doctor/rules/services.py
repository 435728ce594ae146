"""Services that do not do their work, ports that somebody else holds, settings that are refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from marketprism.errors import MARK, ConfigurationError
from marketprism.ops.doctor.catalogue import PROBLEMS
from marketprism.ops.doctor.evidence import Evidence, Face, Listener, Unit
from marketprism.ops.doctor.findings import Certainty, Finding

STARTING_SECONDS = 15.0
"""A service that was started less than this ago may not answer yet."""
LATCHED = re.compile(r"write error|no space left", re.IGNORECASE)
"""What nats-server 2.15 says in its health after one failed write: it refuses the stream from then on, room or not."""
CRASHES = 3
"""Restarts by systemd itself from which a young service counts as one that crashes again and again."""
JOURNAL_LINES = 3
OUR_DROP_IN = "/50-marketprism.conf"
"""What the deployment changes of a unit that a package brings."""
PORT_TAKEN = re.compile(r"address already in use|port \d+ on \S+ is taken", re.IGNORECASE)
REFUSED_SETTINGS = re.compile(
    r"^nats-server: .*(parse error|unknown field|no such file|permission denied|:\d+:\d+: )"  # before it logs anything
    r"|Access to file denied: /etc/clickhouse-server/"
    r"|SAXParseException|Failed to (parse|preprocess|load) config|UNKNOWN_ELEMENT_IN_CONFIG",
    re.IGNORECASE,
)
OURS = "marketprism-"
REFUSED_SECONDS = 30
"""Before the service ended, or was started again: what it refused earlier has been corrected since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: who runs it, where it listens, and where it is asked."""

    problem: str
    unit: str
    ports: tuple[str, ...]
    face: str


SERVICES = (
    Service(problem="nats-down", unit="nats-server.service", ports=("nats", "nats_monitor"), face="nats_monitor"),
    Service(
        problem="clickhouse-down",
        unit="clickhouse-server.service",
        ports=("clickhouse_http", "clickhouse_native"),
        face="clickhouse_http",
    ),
    Service(problem="storage-down", unit="marketprism-storage@hot.service", ports=("storage_hot",), face="storage_hot"),
    Service(
        problem="storage-down", unit="marketprism-storage@cold.service", ports=("storage_cold",), face="storage_cold"
    ),
    Service(
        problem="collector-down",
        unit="marketprism-collector.service",
        ports=("collector", "collector_metrics"),
        face="collector",
    ),
)


def unit_of(evidence: Evidence, service: Service) -> Unit | None:
    """Return the service's unit where it belongs to this host and can be seen."""
    return (evidence.units or {}).get(service.unit)


def is_asleep(unit: Unit) -> bool:
    """Tell whether a unit runs nothing that could do its work: ended, given up, or waiting to be started again."""
    return unit.state in {"inactive", "failed"} or unit.sub == "auto-restart"


def wants_to_run(unit: Unit) -> bool:
    """Tell whether a unit does not run and would: it failed, or systemd starts it again and again."""
    return unit.state == "failed" or unit.sub == "auto-restart" or (unit.state == "activating" and unit.restarts > 0)


def down(evidence: Evidence) -> Iterator[Finding]:
    """Find services that do not run or do not answer."""
    for service in SERVICES:
        found = _down(evidence, service)
        if found is not None:
            yield found
    said = complaint(evidence)
    if LATCHED.search(said):
        words = (f"NATS says: {said[:300]}", "it refuses messages until it is restarted, even when there is room again")
        yield Finding(problem="nats-down", evidence=words)


def complaint(evidence: Evidence) -> str:
    """Return what NATS says is wrong with it; empty where it says nothing or does not answer."""
    health = evidence.face("nats_monitor")
    return str(health.body.get("error") or health.text) if health is not None and health.status >= 400 else ""


def cold_complaint(evidence: Evidence) -> str:
    """Return what cold storage says is wrong with it; empty where all is well or it does not answer."""
    face = evidence.face("storage_cold")
    if face is None or face.status < 400:
        return ""
    details = evidence.details("storage_cold")
    causes = ("too_far_behind", "different_rows", "stuck_seconds", "waits")
    return (
        "; ".join(f"{name} {details[name]}" for name in causes if details.get(name)) or face.text or "no reason given"
    )


def is_settled(evidence: Evidence, face: str) -> bool:
    """Tell whether a service runs for long enough for its word to count."""
    unit = next(unit_of(evidence, service) for service in SERVICES if service.face == face)
    return unit is None or not (is_asleep(unit) or _is_young(evidence, unit))


def _is_young(evidence: Evidence, unit: Unit) -> bool:
    return unit.since is not None and evidence.now - unit.since < STARTING_SECONDS


def _down(evidence: Evidence, service: Service) -> Finding | None:
    unit, face = unit_of(evidence, service), evidence.face(service.face)
    silent = face is not None and face.status == 0
    if unit is not None and is_asleep(unit):
        state = f"{unit.name} is {unit.state} ({unit.sub}), result {unit.result}, exit status {unit.exit_status}"
        stopped = unit.state == "inactive" and unit.result == "success" and unit.load == "loaded"
        words = [f"{state}, {unit.restarts} restarts" if unit.restarts else state]
        if unit.load != "loaded":
            words = [f"{unit.name} is {unit.load}"]
        elif stopped:
            words.append("it was stopped, it did not fail")
        elif foreign := [path for path in unit.drop_ins if not path.endswith(OUR_DROP_IN)]:
            words.append(f"{unit.name} is not as deployed, it is changed by {', '.join(foreign)}")
        return Finding(
            problem=service.problem, evidence=(*words, *last_lines(unit)), by_itself=stopped or unit.load != "loaded"
        )
    young = unit is not None and _is_young(evidence, unit)
    if unit is not None and young and unit.restarts >= CRASHES and not silent:  # between two crashes it may answer
        crashes = f"{unit.name} ended {unit.restarts} times and was started again, now it is {unit.state}"
        return Finding(problem=service.problem, evidence=(crashes, *last_lines(unit)), certainty=Certainty.LIKELY)
    if not silent or face is None:
        return None
    if unit is None:
        known = "" if evidence.units is None else ", and its unit is not on this host"
        return Finding(
            problem=service.problem,
            evidence=(f"{no_answer(face)}{known}",),
            certainty=Certainty.LIKELY,
        )
    if young and unit.restarts < CRASHES:
        return None
    return Finding(
        problem=service.problem, evidence=(f"{unit.name} is {unit.state}, but {no_answer(face)}", *last_lines(unit))
    )


def no_answer(face: Face) -> str:
    """Say that an address does not answer."""
    return f"{face.url} does not answer: {face.error or 'no reason given'}"


def last_lines(unit: Unit) -> tuple[str, ...]:
    """Quote the end of a unit's journal."""
    return tuple(f"journal: {line.text[:300]}" for line in unit.lines[-JOURNAL_LINES:])


def port_taken(evidence: Evidence) -> Iterator[Finding]:
    """Find ports of services that do not run, held by somebody who is not that service."""
    for service in SERVICES:
        unit = unit_of(evidence, service)
        if unit is None or not (is_asleep(unit) or wants_to_run(unit)):
            continue
        held = [
            f"port {listener.port} ({name}) is held by {owner(listener)}, not by {unit.name}"
            for name in service.ports
            for listener in evidence.listeners or ()
            if listener.port == evidence.ports.get(name) and listener.unit != unit.name
        ]
        complaint = [f"journal: {line.text[:300]}" for line in unit.lines if PORT_TAKEN.search(line.text)][-1:]
        # A port that is taken stops only a service that wants to run.
        if held and (complaint or wants_to_run(unit)):
            yield Finding(
                problem="port-taken",
                evidence=(*held, *complaint),
                certainty=Certainty.SURE if complaint else Certainty.LIKELY,
                # Between two attempts nothing else shows that the service is down.
                consequences=PROBLEMS[service.problem].consequences | {service.problem},
            )


def owner(listener: Listener) -> str:
    """Name the process behind a port."""
    if listener.pid is None:
        return "a process that only root can see"
    where = f" of {listener.unit}" if listener.unit else ""
    return f"process {listener.pid} ({listener.command[:120]}){where}"


def config_invalid(evidence: Evidence) -> Iterator[Finding]:
    """Find settings that cannot be read: by ourselves, or by a service that ended because of them."""
    if evidence.config_error:
        ours = frozenset({"collector-down", "storage-down"})
        yield Finding(problem="config-invalid", evidence=(evidence.config_error,), consequences=ours)
        return
    for service in SERVICES:
        unit = unit_of(evidence, service)
        if unit is None or not is_asleep(unit):
            continue
        ended = unit.since or evidence.now
        refused = [
            f"{unit.name}: {line.text[:300]}"
            for line in unit.lines
            if line.seconds > ended - REFUSED_SECONDS and _refuses(unit, line.text)
        ]
        if refused and unit.result != "success":
            yield Finding(
                problem="config-invalid",
                evidence=tuple(refused[-1:]),
                consequences=frozenset({service.problem}),
            )


def _refuses(unit: Unit, said: str) -> bool:
    """Tell whether this line says which settings a unit ended of; our own services end with a status for that."""
    if unit.name.startswith(OURS):
        return unit.exit_status == ConfigurationError.exit_code and said.startswith(MARK)
    return REFUSED_SETTINGS.search(said) is not None
