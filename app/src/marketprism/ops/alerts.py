"""Alert rules for Prometheus: one for every problem of a running installation, under the problem's own name.

Each is alerted of by the doctor's word, which a timer writes every minute where node exporter reads it. What services
and node exporter measure is judged here as well, with the doctor's limits and the contract's: something may silence it.
"""

from dataclasses import dataclass
from typing import Any

from marketprism.contract.catalog import DATA_TYPES
from marketprism.ops.doctor.catalogue import PROBLEMS, Phase, Problem
from marketprism.ops.doctor.metrics import PROBLEM_METRIC
from marketprism.ops.doctor.rules.exchange import FLAPPING_LOSSES, FLAPPING_SECONDS
from marketprism.ops.doctor.rules.host import (
    BACKUP_SECONDS,
    CLOCK_SKEW_SECONDS,
    CPU_IDLE_SHARE,
    DISK_FREE_BYTES,
    DISK_FREE_SHARE,
    DISK_LAST_SHARE,
    INODES_FREE_SHARE,
    MEMORY_FREE_SHARE,
)
from marketprism.ops.doctor.rules.streams import FULL_SHARE
from marketprism.ops.doctor.texts.languages import WORDS, Language

RUNBOOKS = "docs/runbooks"
_DATA_DISKS = 'fstype!~"tmpfs|ramfs|squashfs|overlay|iso9660"'
_STORED = 'marketprism_storage_events_total{outcome="stored"'


@dataclass(frozen=True, slots=True)
class Measure:
    """What Prometheus computes for a problem.

    Attributes:
        expression: PromQL; each series of its answer is an alert.
        seconds: For how long it has to hold.
        data_type: The type that an expression is about, where a problem has one for each.
    """

    expression: str
    seconds: int
    data_type: str = ""


def _stale() -> tuple[Measure, ...]:
    return tuple(
        Measure(
            f'marketprism_storage_newest_event_age_seconds{{feed=~"{name} .+"}} > {data_type.freshness_seconds:g}',
            30,
            data_type=name,
        )
        for name, data_type in DATA_TYPES.items()
        if data_type.freshness_seconds is not None
    )


def _disk_full() -> str:
    share = f"node_filesystem_avail_bytes{{{_DATA_DISKS}}} / node_filesystem_size_bytes"
    inodes = f"node_filesystem_files_free{{{_DATA_DISKS}}} / node_filesystem_files"
    return (
        f"{share} < {DISK_LAST_SHARE}"
        f" or ({share} < {DISK_FREE_SHARE} and node_filesystem_avail_bytes < {DISK_FREE_BYTES})"
        f" or {inodes} < {INODES_FREE_SHARE}"
    )


def _clock_skew() -> str:
    """Most exchanges have to contradict our clock in one direction; one alone may be wrong itself."""
    skew = "marketprism_clock_skew_seconds"
    return " or ".join(
        f"count({skew} {off}) * 2 > count({skew})"
        for off in (f"> {CLOCK_SKEW_SECONDS:g}", f"< -{CLOCK_SKEW_SECONDS:g}")
    )


MEASURES: dict[str, tuple[Measure, ...]] = {
    "nats-down": (Measure('probe_success{job="nats"} == 0', 60),),
    "clickhouse-down": (Measure('probe_success{job="clickhouse"} == 0', 60),),
    "storage-down": (Measure('up{job="storage"} == 0', 60),),
    "collector-down": (Measure('up{job="collector"} == 0', 60),),
    "no-data": (Measure(f"sum(rate({_STORED}}}[2m])) == 0", 60),),
    "stale-data": _stale(),
    "orderbooks-empty": (
        Measure(f'sum(rate({_STORED},data_type="orderbook"}}[2m])) == 0 and sum(marketprism_books) > 0', 60),
    ),
    "memory-pressure": (
        Measure(f"node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < {MEMORY_FREE_SHARE}", 120),
    ),
    "cpu-saturated": (
        Measure(f'avg without (cpu, mode) (rate(node_cpu_seconds_total{{mode="idle"}}[5m])) < {CPU_IDLE_SHARE}', 300),
    ),
    "exchange-blocked": (Measure('marketprism_venue_state{state="blocked"} == 1', 60),),
    "websocket-flapping": (
        Measure(f"increase(marketprism_connection_losses_total[{FLAPPING_SECONDS:.0f}s]) >= {FLAPPING_LOSSES}", 0),
    ),
    "disk-full": (Measure(_disk_full(), 60),),
    "clock-skew": (Measure(_clock_skew(), 300),),
    "stream-full": (Measure(f"marketprism_storage_stream_fill_ratio > {FULL_SHARE}", 60),),
    "consumer-stuck": (
        Measure(
            "marketprism_storage_pending_messages > 0"
            " and on (instance, stream) rate(marketprism_storage_messages_total[2m]) == 0",
            60,
        ),
    ),
    "backup-too-old": (
        Measure(
            f'time() - marketprism_job_last_success_timestamp_seconds{{timer="backup"}} > {BACKUP_SECONDS:.0f}', 300
        ),
    ),
}
"""By problem, beside the doctor's word: what Prometheus sees without it."""


def rules(runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """Return the content of a rule file (prometheus.io, "Alerting rules").

    Args:
        runbooks: Address of the folder of runbooks, for people who read an alert elsewhere.
    """
    return {
        "groups": [{"name": "marketprism", "rules": [rule for each in _alerted() for rule in _rules(each, runbooks)]}]
    }


def inhibitions() -> list[dict[str, Any]]:
    """Return Alertmanager's inhibition rules: who is told of a cause is not told of its consequences.

    Only the doctor says which consequences a cause has here, of which venues. It is silent about those alone, so its
    word is never muted, and it mutes nothing but what Prometheus sees as well.
    """
    return [
        {
            "source_matchers": [f'alertname="{problem.alert}"', 'seen_by="doctor"'],
            "target_matchers": [f'alertname=~"{"|".join(sorted(problem.consequences))}"', 'seen_by="prometheus"'],
        }
        for problem in _alerted()
        if problem.consequences
    ]


def _alerted() -> list[Problem]:
    return [problem for problem in PROBLEMS.values() if problem.phase is Phase.RUN]


def _rules(problem: Problem, runbooks: str) -> list[dict[str, Any]]:
    found = Measure(f'{PROBLEM_METRIC}{{problem="{problem.name}"}} == 1', 0)
    words = WORDS[Language.ENGLISH][problem.name]
    return [
        {
            "alert": problem.alert,
            "expr": measure.expression,
            "for": f"{measure.seconds}s",
            "labels": {"severity": problem.severity.value, "seen_by": "doctor" if measure is found else "prometheus"}
            | ({"data_type": measure.data_type} if measure.data_type else {}),
            "annotations": {
                "summary": words.title,
                "description": words.symptom,
                "runbook_url": f"{runbooks.rstrip('/')}/{problem.name}.md",
            },
        }
        for measure in (found, *MEASURES.get(problem.name, ()))
    ]
