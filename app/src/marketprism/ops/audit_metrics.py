"""An audit as Prometheus text, for node exporter's textfile collector."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from marketprism.ops.audit import Audit

_LINE = ["exchange", "market", "symbol", "data_type"]


def metrics_text(found: Audit) -> str:
    """Render the figures of an audit; all but the collector's own and the last gauge are of its window."""
    registry = CollectorRegistry()
    stored = Gauge("marketprism_audit_stored_rows", "Rows in the table.", _LINE, registry=registry)
    duplicates = Gauge(
        "marketprism_audit_duplicate_rows",
        "Rows too many: stored twice from one place in the stream, or saying what another row says.",
        [*_LINE, "kind"],
        registry=registry,
    )
    missing = Gauge(
        "marketprism_audit_missing_ids",
        "Ids that the venue counted and no row has, by what the ledger says: open, healed or nothing.",
        [*_LINE, "ledger"],
        registry=registry,
    )
    messages = Gauge(
        "marketprism_audit_messages",
        "Messages of a stream by what became of them; pending ones are not acknowledged yet.",
        ["stream", "fate"],
        registry=registry,
    )
    hops = Gauge(
        "marketprism_audit_collector_events",
        "Events by hop since the collector started; none where it does not answer.",
        ["hop"],
        registry=registry,
    )
    wrong = Gauge("marketprism_audit_differences", "Differences found; 0 when all is well.", registry=registry)
    until = Gauge("marketprism_audit_until_seconds", "End of the window, Unix time.", registry=registry)
    for line in found.lines:
        labels = (*line.place, line.data_type)
        stored.labels(*labels).set(line.count.stored)
        for kind, number in (("twice", line.count.twice), ("repeated", line.count.repeated)):
            duplicates.labels(*labels, kind).set(number)
        verdict = line.verdict
        for ledger, number in (
            ("open", verdict.explained), ("healed", verdict.contradicted), ("nothing", verdict.unexplained)
        ):  # fmt: skip
            missing.labels(*labels, ledger).set(number)
    for each in found.deliveries:
        for fate in ("stored", "dead_lettered", "repeated", "lost", "unknown", "pending"):
            messages.labels(each.stream, fate).set(getattr(each, fate))
    for hop, number in (found.collector or {}).items():
        hops.labels(hop).set(number)
    wrong.set(len(found.differences))
    until.set(found.window.until_us / 1e6)
    return generate_latest(registry).decode()
