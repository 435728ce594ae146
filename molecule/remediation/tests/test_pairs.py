"""Two faults at once: the doctor names what is there or says that it does not know, and no third thing is repaired."""

import time

import pytest
from testinfra.host import Host

from .faults import FAULTS
from .test_remediation import (
    CHOSEN,
    DETECTION_SECONDS,
    audit,
    doctor,
    lost,
    playbook,
    shortly_before,
    wait_for,
)

pytestmark = pytest.mark.skipif(CHOSEN != "others", reason="takes minutes: set REMEDIATION_FAULTS=others")
PAIRS = {
    ("nats-down", "dns-failure"): "clickhouse-down",
    ("clickhouse-down", "exchange-blocked"): "storage-down",
    ("collector-down", "schema-drift"): "no-data",
    ("storage-down", "clickhouse-down"): "consumer-stuck",
}
"""Pairs, and a playbook that must not act: what it repairs follows from them, or is not there."""


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_faults_at_once_are_never_taken_for_a_third(host: Host, pair: tuple[str, str]) -> None:
    since = shortly_before(host)
    before = lost(host, since)
    faults = [FAULTS[problem] for problem in pair]
    for fault in faults:
        fault.inject(host)
    try:
        deadline = time.monotonic() + max(fault.limit for fault in faults) + DETECTION_SECONDS
        while set((found := doctor(host))["roots"]) != set(pair):
            assert set(found["roots"]) <= set(pair), found
            assert found["roots"] or found["unexplained"] or found["verdict"] != "healthy", found
            assert time.monotonic() < deadline, found
        code, said = playbook(PAIRS[pair], "remediation_apply=true")
        assert code != 0, said
        assert "nothing was changed" in said
        for problem in doctor(host)["roots"]:
            code, said = playbook(problem, "remediation_apply=true")
            assert code == 0, said
        wait_for(host, [], 120)
        audit(host, since, before)
    finally:
        for problem, fault in zip(pair, faults, strict=True):
            fault.clean(host)
            if fault.is_profile:
                playbook(problem, "remediation_revert=true")
