"""Every problem that the system knows: one name for its probe, alert, runbook and playbook.

The words for people are in `texts`, the judgement is in `rules`. Each entry keeps only what a program decides by.
"""

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """When a problem can occur."""

    DEPLOY = "deploy"  # before anything is installed: a probe, a runbook and a test
    RUN = "run"  # on an installed host: also an alert and a playbook


class Severity(StrEnum):
    """What a problem means for the data."""

    DEGRADED = "degraded"  # data still arrives and is kept
    BROKEN = "broken"  # data does not arrive, is not kept, or soon will not be


class Hop(StrEnum):
    """Stations of the data, in order; the first one that is broken explains the later ones."""

    EXCHANGE = "exchange"
    SOCKET = "socket"
    PUBLISHED = "published"
    STREAM = "stream"
    CONSUMER = "consumer"
    INSERTED = "inserted"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem.

    Attributes:
        name: Also of its probe, alert, runbook and playbook.
        section: Section of the operator's guide: deploy, service, data, performance, network; ``beyond`` what
            the guide does not know.
        hop: Where the data stops; None for what concerns the whole host.
        probes: Sources of evidence without which it cannot be told; see `gather`.
        automatic: Whether its playbook may act without being told to.
        consequences: Problems that this one brings about. A rule may narrow them to what its evidence supports.
    """

    name: str
    phase: Phase
    section: str
    severity: Severity
    probes: tuple[str, ...]
    hop: Hop | None = None
    automatic: bool = False
    consequences: frozenset[str] = frozenset()

    @property
    def alert(self) -> str:
        """Name of the alert; a problem of the deployment has none."""
        return self.name if self.phase is Phase.RUN else ""

    @property
    def playbook(self) -> str:
        """Path of the playbook that repairs it; a problem of the deployment has none."""
        return f"playbooks/remediate/{self.name}.yml" if self.phase is Phase.RUN else ""

    @property
    def runbook(self) -> str:
        """Path of its page for people."""
        return f"docs/runbooks/{self.name}.md"


SYMPTOMS = frozenset({"no-data", "stale-data", "orderbooks-empty"})
"""What is seen at the end of the chain, whatever broke it."""
DOWN = frozenset({"nats-down", "clickhouse-down", "storage-down", "collector-down"})
"""A service that does not do its work."""
_UNREAD = frozenset({"consumer-stuck", "stream-full"})  # what builds up while nobody stores


def _deploy(name: str) -> Problem:
    return Problem(name=name, phase=Phase.DEPLOY, section="deploy", severity=Severity.BROKEN, probes=("clone",))


def _run(
    name: str,
    section: str,
    severity: Severity,
    probes: tuple[str, ...],
    hop: Hop | None = None,
    *,
    automatic: bool = False,
    consequences: frozenset[str] = frozenset(),
) -> Problem:
    return Problem(
        name=name,
        phase=Phase.RUN,
        section=section,
        severity=severity,
        probes=probes,
        hop=hop,
        automatic=automatic,
        consequences=consequences,
    )


_BROKEN, _DEGRADED = Severity.BROKEN, Severity.DEGRADED

PROBLEMS: dict[str, Problem] = {
    problem.name: problem
    for problem in (
        _deploy("script-not-executable"),
        _deploy("missing-sudo"),
        _deploy("python-too-old"),
        _run(
            "nats-down", "service", _BROKEN, ("units", "services"), Hop.PUBLISHED, automatic=True, consequences=SYMPTOMS
        ),
        _run(
            "clickhouse-down",
            "service",
            _BROKEN,
            ("units", "services"),
            Hop.INSERTED,
            automatic=True,
            consequences=SYMPTOMS | _UNREAD,
        ),
        _run(
            "storage-down",
            "service",
            _BROKEN,
            ("units", "services"),
            Hop.CONSUMER,
            automatic=True,
            consequences=SYMPTOMS | _UNREAD,
        ),
        _run(
            "collector-down",
            "service",
            _BROKEN,
            ("units", "services"),
            Hop.SOCKET,
            automatic=True,
            consequences=SYMPTOMS | {"websocket-flapping"},
        ),
        _run("no-data", "data", _BROKEN, ("tables",), Hop.FRESH, automatic=True),
        _run("stale-data", "data", _DEGRADED, ("tables",), Hop.FRESH, automatic=True),
        _run("orderbooks-empty", "data", _DEGRADED, ("tables",), Hop.FRESH, automatic=True),
        _run("memory-pressure", "performance", _DEGRADED, ("memory", "units"), consequences=SYMPTOMS),
        _run(
            "cpu-saturated",
            "performance",
            _DEGRADED,
            ("processors",),
            consequences=SYMPTOMS | {"websocket-flapping", "consumer-stuck"},
        ),
        _run(
            "exchange-blocked",
            "network",
            _DEGRADED,
            ("services",),
            Hop.EXCHANGE,
            consequences=SYMPTOMS | {"websocket-flapping"},
        ),
        _run(
            "websocket-flapping",
            "network",
            _DEGRADED,
            ("units",),
            Hop.SOCKET,
            consequences=SYMPTOMS | {"sequence-gaps"},
        ),
        _run(
            "disk-full",
            "beyond",
            _BROKEN,
            ("disks",),
            consequences=SYMPTOMS | DOWN | _UNREAD | {"clickhouse-readonly", "too-many-parts", "backup-too-old"},
        ),
        _run("port-taken", "beyond", _BROKEN, ("units", "ports"), automatic=True, consequences=DOWN),
        _run("clock-skew", "beyond", _DEGRADED, ("services",), consequences=SYMPTOMS),
        _run(
            "jetstream-corrupt",
            "beyond",
            _BROKEN,
            ("services",),
            Hop.STREAM,
            consequences=SYMPTOMS | {"nats-down", "stream-drift"},
        ),
        _run("stream-full", "beyond", _BROKEN, ("streams",), Hop.STREAM, consequences=SYMPTOMS),
        _run(
            "stream-drift",
            "beyond",
            _DEGRADED,
            ("stream drift",),
            Hop.STREAM,
            automatic=True,
            consequences=SYMPTOMS | _UNREAD,
        ),
        _run(
            "schema-drift",
            "beyond",
            _DEGRADED,
            ("schema drift",),
            Hop.INSERTED,
            automatic=True,
            consequences=SYMPTOMS | _UNREAD,
        ),
        _run("dead-letters", "beyond", _DEGRADED, ("streams",)),
        _run("sequence-gaps", "beyond", _DEGRADED, ("tables",)),
        _run(
            "consumer-stuck",
            "beyond",
            _BROKEN,
            ("streams", "services"),
            Hop.CONSUMER,
            automatic=True,
            consequences=SYMPTOMS | {"stream-full"},
        ),
        _run(
            "clickhouse-readonly", "beyond", _BROKEN, ("tables", "disks"), Hop.INSERTED, consequences=SYMPTOMS | _UNREAD
        ),
        _run(
            "too-many-parts",
            "beyond",
            _DEGRADED,
            ("tables",),
            Hop.INSERTED,
            automatic=True,
            consequences=SYMPTOMS | _UNREAD,
        ),
        _run("backup-too-old", "beyond", _DEGRADED, ("backup",), automatic=True),
        _run(
            "dns-failure",
            "beyond",
            _DEGRADED,
            ("names", "services"),
            Hop.SOCKET,
            consequences=SYMPTOMS | {"websocket-flapping"},
        ),
        _run("config-invalid", "beyond", _BROKEN, ("units", "settings"), consequences=DOWN),
    )
}
"""Problems by name, those of the guide first, in its order."""
