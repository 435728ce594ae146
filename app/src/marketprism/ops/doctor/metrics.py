"""The verdict as Prometheus text, for node exporter's textfile collector."""

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from marketprism.ops.doctor.catalogue import PROBLEMS, Phase
from marketprism.ops.doctor.verdict import Diagnosis

PROBLEM_METRIC = "marketprism_problem"


def metrics_text(diagnosis: Diagnosis) -> str:
    """Render one sample for every problem of a running installation: 1 when it was found."""
    registry = CollectorRegistry()
    gauge = Gauge(PROBLEM_METRIC, "1 while the doctor finds the problem.", ["problem"], registry=registry)
    findings = [*diagnosis.roots, *(finding for finding, _ in diagnosis.consequences)]
    found = {finding.problem for finding in findings}
    for problem in PROBLEMS.values():
        if problem.phase is Phase.RUN:
            gauge.labels(problem.name).set(problem.name in found)
    return generate_latest(registry).decode()
