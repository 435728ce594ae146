"""The verdict as metrics."""

from marketprism.ops.doctor.catalogue import PROBLEMS, Phase
from marketprism.ops.doctor.metrics import metrics_text
from marketprism.ops.doctor.verdict import judge
from tests.ops.doctor import faults
from tests.ops.doctor.faults import healthy


def test_causes_are_1_and_what_they_bring_about_and_everything_else_is_0() -> None:
    lines = metrics_text(judge(faults.nats_disk_full(healthy()))).splitlines()
    assert 'marketprism_problem{problem="disk-full"} 1.0' in lines
    assert 'marketprism_problem{problem="nats-down"} 0.0' in lines
    assert 'marketprism_problem{problem="clock-skew"} 0.0' in lines
    samples = [line for line in lines if not line.startswith("#")]
    assert len(samples) == len([problem for problem in PROBLEMS.values() if problem.phase is Phase.RUN])


def test_what_a_cause_does_not_cover_and_what_nobody_explains_is_1() -> None:
    other_venue = judge(faults.stale(faults.blocked(healthy())))
    assert 'marketprism_problem{problem="stale-data"} 1.0' in metrics_text(other_venue).splitlines()
    refused = judge(faults.stale(faults.waits(healthy(), "ClickHouse answers with error 516: password is incorrect")))
    assert [causes for _, causes in refused.consequences] == [("unknown",)]
    assert 'marketprism_problem{problem="stale-data"} 1.0' in metrics_text(refused).splitlines()
