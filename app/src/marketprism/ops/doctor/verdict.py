"""From evidence to a verdict: which problems are there, which explain the others, and what stays unexplained."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from marketprism.ops.doctor.catalogue import PROBLEMS, SYMPTOMS, Hop, Severity
from marketprism.ops.doctor.chain import Station, first_broken, walk
from marketprism.ops.doctor.evidence import Evidence
from marketprism.ops.doctor.findings import Finding
from marketprism.ops.doctor.rules import deploy, exchange, host, services, streams, tables

Rule = Callable[[Evidence], Iterator[Finding]]

RULES: dict[str, Rule] = {
    "script-not-executable": deploy.script_not_executable,
    "missing-sudo": deploy.missing_sudo,
    "python-too-old": deploy.python_too_old,
    "services": services.down,
    "freshness": tables.freshness,
    "memory-pressure": host.memory_pressure,
    "cpu-saturated": host.cpu_saturated,
    "exchange-blocked": exchange.exchange_blocked,
    "websocket-flapping": exchange.websocket_flapping,
    "disk-full": host.disk_full,
    "port-taken": services.port_taken,
    "clock-skew": host.clock_skew,
    "jetstream-corrupt": streams.jetstream_corrupt,
    "stream-full": streams.stream_full,
    "stream-drift": streams.stream_drift,
    "schema-drift": tables.schema_drift,
    "dead-letters": streams.dead_letters,
    "sequence-gaps": tables.sequence_gaps,
    "consumer-stuck": streams.consumer_stuck,
    "clickhouse-readonly": tables.clickhouse_readonly,
    "too-many-parts": tables.too_many_parts,
    "backup-too-old": host.backup_too_old,
    "dns-failure": exchange.dns_failure,
    "config-invalid": services.config_invalid,
}
"""Rules by the problem they find; `services` and `freshness` each tell several apart."""


UNKNOWN = "unknown"
"""Stands among causes for what no rule names."""


class State(StrEnum):
    """The verdict in one word, and what the process ends with."""

    HEALTHY = "healthy"
    ABSENT = "absent"  # nothing is installed, and nothing keeps a deployment from starting
    DEGRADED = "degraded"
    BROKEN = "broken"
    UNKNOWN = "unknown"  # something is wrong that no rule names
    UNSEEN = "unseen"  # nothing is wrong as far as one could look


EXIT_CODES = {State.HEALTHY: 0, State.ABSENT: 0, State.DEGRADED: 1, State.UNSEEN: 1, State.UNKNOWN: 2, State.BROKEN: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The verdict.

    Attributes:
        roots: Findings that nothing else explains, the first in the data's way first.
        consequences: The others, each with the names of what brings it about.
        chain: Every hop.
        unexplained: The first broken hop, when no finding belongs to it.
        unseen: Why a source could not be read, by its name.
    """

    state: State
    roots: tuple[Finding, ...]
    consequences: tuple[tuple[Finding, tuple[str, ...]], ...]
    chain: tuple[Station, ...]
    unexplained: Station | None
    unseen: dict[str, str]

    @property
    def exit_code(self) -> int:
        """0 healthy, 1 degraded, 2 broken."""
        return EXIT_CODES[self.state]


def judge(evidence: Evidence, only: Collection[str] = ()) -> Diagnosis:
    """Apply every rule and sort causes from consequences.

    Args:
        evidence: What was seen.
        only: Problems that are asked for; their causes are told all the same. Empty for all.
    """
    findings = [finding for rule in RULES.values() for finding in rule(evidence)]
    chain = walk(evidence) if evidence.installed else []
    unexplained = _unexplained(chain, findings)
    explained = {id(finding): _causes(finding, findings) for finding in findings}
    if unexplained is not None:  # then a symptom at the end of the chain is no root
        explained |= {id(f): (UNKNOWN,) for f in findings if f.problem in SYMPTOMS and not explained[id(f)]}
    roots = sorted((f for f in findings if not explained[id(f)]), key=_place)
    consequences = [(f, explained[id(f)]) for f in sorted(findings, key=_place) if explained[id(f)]]
    if only:
        roots = [finding for finding in roots if finding.problem in only]
        consequences = [pair for pair in consequences if pair[0].problem in only]
    return Diagnosis(
        state=_state(
            evidence,
            [*roots, *(finding for finding, _ in consequences)],
            None if only else unexplained,
            only or PROBLEMS,
        ),
        roots=tuple(roots),
        consequences=tuple(consequences),
        chain=tuple(chain),
        unexplained=unexplained,
        unseen=dict(evidence.unseen),
    )


def _causes(effect: Finding, findings: list[Finding]) -> tuple[str, ...]:
    """Name what explains a finding; causes that touch single venues have to cover all of the finding's together."""
    if effect.by_itself:
        return ()
    causes = [cause for cause in findings if cause is not effect and effect.problem in cause.explains]
    if any(cause.venues is None for cause in causes):
        return tuple(dict.fromkeys(cause.problem for cause in causes))
    covered = frozenset[str]().union(*(cause.venues or frozenset() for cause in causes))
    if effect.venues is None or not effect.venues <= covered:
        return ()
    return tuple(dict.fromkeys(cause.problem for cause in causes))


def _place(finding: Finding) -> tuple[int, int]:
    """Sort what concerns the whole host first, then along the data's way, symptoms last."""
    hop = PROBLEMS[finding.problem].hop
    place = list(Hop).index(hop) if hop is not None else -1
    return (
        place if finding.explains or finding.problem in SYMPTOMS else len(Hop),
        list(PROBLEMS).index(finding.problem),
    )


def _unexplained(chain: list[Station], findings: list[Finding]) -> Station | None:
    """Return the first broken hop unless a finding stands for it."""
    station = first_broken(chain)
    if station is None:
        return None
    for finding in findings:
        hop = PROBLEMS[finding.problem].hop
        behind = finding.explains if hop is None else finding.explains - SYMPTOMS
        hops = {hop, *(PROBLEMS[name].hop for name in behind)}
        if station.hop in hops:
            return None
    return station


def _state(evidence: Evidence, findings: list[Finding], unexplained: Station | None, asked: Collection[str]) -> State:
    if any(finding.weight is Severity.BROKEN for finding in findings):
        return State.BROKEN
    if unexplained is not None:
        return State.UNKNOWN
    if findings:
        return State.DEGRADED
    needed = {probe for name in asked for probe in PROBLEMS[name].probes}
    if needed & set(evidence.unseen):
        return State.UNSEEN
    return State.HEALTHY if evidence.installed else State.ABSENT
