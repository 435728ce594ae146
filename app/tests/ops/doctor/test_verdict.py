"""Each fault is named as the root cause, and nothing false with it; pairs name both, or say that they do not know."""

from dataclasses import replace
from itertools import combinations

import pytest

from marketprism.ops.doctor.catalogue import PROBLEMS, SYMPTOMS, Hop
from marketprism.ops.doctor.evidence import Clone, Evidence, Listener
from marketprism.ops.doctor.gather import Gatherer
from marketprism.ops.doctor.site import Site
from marketprism.ops.doctor.verdict import State, judge
from tests.ops.doctor import faults
from tests.ops.doctor.faults import FAULTS, NOW, Fault, healthy

SINGLE = [(name, fault) for name, found in FAULTS.items() for fault in found]


def roots(evidence: Evidence) -> list[str]:
    return [finding.problem for finding in judge(evidence).roots]


def test_a_healthy_host_has_no_finding() -> None:
    diagnosis = judge(healthy())
    assert (diagnosis.state, diagnosis.exit_code) == (State.HEALTHY, 0)
    assert (diagnosis.roots, diagnosis.consequences, diagnosis.unexplained) == ((), (), None)
    assert {station.passage.value for station in diagnosis.chain} == {"ok"}


def test_every_problem_has_a_fault_here() -> None:
    assert set(FAULTS) == set(PROBLEMS)


@pytest.mark.parametrize(("name", "fault"), SINGLE, ids=[fault.__name__ for _, fault in SINGLE])
def test_a_fault_is_the_only_root(name: str, fault: Fault) -> None:
    diagnosis = judge(fault(healthy()))
    assert [finding.problem for finding in diagnosis.roots] == [name]
    assert diagnosis.unexplained is None
    assert diagnosis.roots[0].evidence
    assert diagnosis.exit_code == (2 if diagnosis.roots[0].weight == "broken" or diagnosis.state == "broken" else 1)


PAIRS = list(combinations([(name, found[0]) for name, found in FAULTS.items() if name not in SYMPTOMS], 2))
HIDDEN = {
    # Who hides whom: without a service there is nobody to ask.
    "nats-down": {"jetstream-corrupt", "stream-full", "stream-drift", "dead-letters", "consumer-stuck", "port-taken"},
    "port-taken": {"jetstream-corrupt", "stream-full", "stream-drift", "dead-letters", "consumer-stuck", "nats-down"},
    "clickhouse-down": {"schema-drift", "sequence-gaps", "clickhouse-readonly", "too-many-parts", "consumer-stuck"},
    "storage-down": {"consumer-stuck", "clickhouse-readonly", "clickhouse-down"},
    "collector-down": {"exchange-blocked", "websocket-flapping", "clock-skew", "dns-failure"},
    "config-invalid": {*PROBLEMS},
    "schema-drift": {"sequence-gaps", "too-many-parts", "clickhouse-readonly"},
}


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=[f"{a[0]}+{b[0]}" for a, b in PAIRS])
def test_two_faults_at_once_are_both_told_and_nothing_else(first: tuple[str, Fault], second: tuple[str, Fault]) -> None:
    (one, break_one), (two, break_two) = first, second
    try:
        broken = break_two(break_one(healthy()))
    except (AssertionError, KeyError):
        pytest.skip("the first fault takes away what the second one changes")
    diagnosis = judge(broken)
    found = {finding.problem for finding in diagnosis.roots}
    told = found | {finding.problem for finding, _ in diagnosis.consequences}
    assert found <= {one, two}, "a root that nobody broke"
    missing = {one, two} - told
    for name in missing:
        other = two if name == one else one
        assert name in HIDDEN.get(other, set()), f"{name} is not told"
    assert found or diagnosis.unexplained is not None


def test_a_port_is_taken_between_two_attempts_as_well_and_what_follows_is_no_root() -> None:
    starting = {"state": "activating", "sub": "start", "restarts": 2, "since": NOW - 1}
    stranger = Listener(port=8085, pid=4711, command="python3 -m http.server 8085")
    evidence = faults.stale(faults.unit(healthy(), faults.STORAGE, **starting))
    evidence = faults.answering(replace(evidence, listeners=(stranger,)), "storage_hot", 404, {})
    assert roots(evidence) == ["port-taken"]
    own = replace(stranger, unit=faults.STORAGE)
    assert "port-taken" not in roots(replace(evidence, listeners=(own,)))


def test_a_unit_that_somebody_stopped_is_not_blamed_on_the_disk() -> None:
    stopped = {"state": "inactive", "sub": "dead", "result": "success", "exit_status": 0}
    evidence = faults.failed(faults.nats_disk_full(healthy()), faults.NATS, **stopped)
    assert roots(evidence) == ["disk-full", "nats-down"]


def test_stale_feeds_of_other_venues_than_the_blocked_one_are_a_root_of_their_own() -> None:
    evidence = faults.stale(faults.blocked(healthy()))
    assert roots(evidence) == ["exchange-blocked", "stale-data"]


def test_an_exchange_that_refuses_connections_is_unknown_with_its_reason() -> None:
    evidence = faults.stale(
        faults.venue(
            healthy(),
            "okx-spot",
            connections={"okx-spot/public": {"open": False, "cause": "[Errno 111] Connect call failed"}},
            age_seconds={"trade": {"BTC-USDT": 300.0}},
        ),
        "okx-spot",
    )
    diagnosis = judge(evidence)
    assert (diagnosis.state, diagnosis.roots, diagnosis.exit_code) == (State.UNKNOWN, (), 2)
    assert diagnosis.unexplained is not None
    assert diagnosis.unexplained.hop is Hop.SOCKET
    assert "okx-spot: [Errno 111] Connect call failed" in diagnosis.unexplained.detail
    assert [(finding.problem, causes) for finding, causes in diagnosis.consequences] == [("stale-data", ("unknown",))]


@pytest.mark.parametrize(
    ("evidence", "hop"),
    [
        (faults.waits(healthy(), "ClickHouse answers with error 516: password is incorrect"), Hop.INSERTED),
        (faults.changed(healthy(), "storage_hot", waits={"MARKET_DATA": "NATS: not authorized"}), Hop.CONSUMER),
        (
            faults.changed(
                healthy(), "collector", publisher={"connected": False, "causes": ["NATS refuses the user 'collector'"]}
            ),
            Hop.PUBLISHED,
        ),
    ],
)
def test_a_refused_password_is_unknown_and_never_a_service_that_is_down(evidence: Evidence, hop: Hop) -> None:
    diagnosis = judge(evidence)
    assert (diagnosis.state, diagnosis.roots) == (State.UNKNOWN, ())
    assert diagnosis.unexplained is not None
    assert diagnosis.unexplained.hop is hop


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"too_far_behind": ["trades"]}, "too_far_behind ['trades']"),
        (
            {"different_rows": {"trades": 4}, "too_far_behind": [], "waits": {"mover": "away"}},
            "different_rows {'trades': 4}; waits {'mover': 'away'}",
        ),
    ],
)
def test_a_cold_storage_that_is_unwell_is_unknown_with_what_it_says(details: dict[str, object], said: str) -> None:
    diagnosis = judge(faults.cold(healthy(), **details))
    assert (diagnosis.state, diagnosis.roots, diagnosis.exit_code) == (State.UNKNOWN, (), 2)
    assert diagnosis.unexplained is not None
    assert diagnosis.unexplained.detail == f"cold storage says: {said}"
    assert judge(faults.cold(healthy())).state is State.HEALTHY
    assert judge(faults.cold(healthy(), since=NOW - 3, **details)).state is State.HEALTHY, "it has just started"


def test_an_unwell_cold_storage_takes_no_symptom_and_no_cause_away() -> None:
    late = {"too_far_behind": ["trades"], "waits": {"mover": "ClickHouse does not answer"}}
    assert roots(faults.cold(faults.silent_exchange(healthy()), **late)) == ["stale-data"]
    assert roots(faults.cold(faults.clickhouse_down(healthy()), **late)) == ["clickhouse-down"]


def test_a_nats_that_calls_itself_unwell_is_never_healthy() -> None:
    diagnosis = judge(faults.nats_unwell(healthy()))
    assert (diagnosis.state, diagnosis.roots, diagnosis.exit_code) == (State.UNKNOWN, (), 2)
    assert diagnosis.unexplained is not None
    assert diagnosis.unexplained.hop is Hop.STREAM
    assert diagnosis.unexplained.detail == "NATS says: JetStream stream '$G > MARKET_DATA' is not current"
    young = faults.unit(healthy(), faults.NATS, since=NOW - 3)
    assert judge(faults.nats_unwell(young)).state is State.HEALTHY
    latched = judge(faults.nats_unwell(healthy(), "stream '$G > MARKET_DATA' is not healthy: write error"))
    assert ([f.problem for f in latched.roots], latched.unexplained) == (["nats-down"], None)


def test_what_is_asked_for_is_told_with_its_cause_and_nothing_else() -> None:
    diagnosis = judge(faults.backup_old(faults.nats_disk_full(healthy())), ["nats-down"])
    assert diagnosis.roots == ()
    assert [(finding.problem, causes) for finding, causes in diagnosis.consequences] == [("nats-down", ("disk-full",))]
    assert judge(faults.dead_letters(healthy()), ["nats-down"]).exit_code == 0


def test_what_could_not_be_looked_at_is_not_called_healthy() -> None:
    diagnosis = judge(replace(healthy(), tables=None, unseen={"tables": "the credential cannot be read"}))
    assert (diagnosis.state, diagnosis.exit_code) == (State.UNSEEN, 1)


@pytest.mark.parametrize("only", [[], ["config-invalid"], ["no-data"]])
@pytest.mark.parametrize("installed", [True, False])
async def test_settings_that_this_user_may_not_read_are_unseen_and_not_broken(installed: bool, only: list[str]) -> None:
    unreadable = Site(is_here=False, units=(), endpoints={}, settings=None, unreadable="may not be read")
    seen = await Gatherer().gather(unreadable)
    assert seen.unseen["settings"] == "may not be read"
    diagnosis = judge(replace(healthy(), installed=installed, unseen=seen.unseen), only)
    assert (diagnosis.state, diagnosis.exit_code) == (State.UNSEEN, 1)


def test_a_host_without_anything_is_judged_by_what_a_deployment_needs() -> None:
    bare = Evidence(now=NOW, installed=False)
    assert (judge(bare).state, judge(bare).exit_code, judge(bare).chain) == (State.ABSENT, 0, ())
    clone = Clone(path="/srv/marketprism", pythons={"python3": (3, 9)})
    assert roots(replace(bare, clone=clone)) == ["python-too-old"]
