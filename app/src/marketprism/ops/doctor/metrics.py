"""The verdict as Prometheus text, for node exporter's textfile collector."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from marketprism.ops.doctor.catalogue import PROBLEMS, Phase
from marketprism.ops.doctor.verdict import UNKNOWN, Diagnosis

PROBLEM_METRIC = "marketprism_problem"


def metrics_text(diagnosis: Diagnosis) -> str:
    """Render one sample for every problem of a running installation: 1 when it was found and no other explains it.

    What another problem brings about is that one's alert; what nobody can explain is worth its own.
    """
    registry = CollectorRegistry()
    gauge = Gauge(
        PROBLEM_METRIC,
        "1 while the doctor finds the problem and none that brings it about.",
        ["problem"],
        registry=registry,
    )
    unexplained = (finding for finding, causes in diagnosis.consequences if causes == (UNKNOWN,))
    found = {finding.problem for finding in (*diagnosis.roots, *unexplained)}
    for problem in PROBLEMS.values():
        if problem.phase is Phase.RUN:
            gauge.labels(problem.name).set(problem.name in found)
    return generate_latest(registry).decode()
