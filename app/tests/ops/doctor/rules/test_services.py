"""What counts as a service that is down, whose port is taken, whose settings are refused."""

from dataclasses import replace

import pytest

from marketprism.errors import MARK, ConfigurationError, RightsError, UnavailableError
from marketprism.ops.doctor.evidence import Evidence, Line, Listener
from marketprism.ops.doctor.findings import Certainty
from marketprism.ops.doctor.rules.services import config_invalid, down, port_taken
from tests.ops.doctor import faults
from tests.ops.doctor.faults import COLLECTOR, NATS, NOW, STORAGE, healthy


def problems(evidence: Evidence) -> list[str]:
    return [finding.problem for finding in down(evidence)]


def test_a_failed_unit_is_told_with_state_restarts_and_the_end_of_its_journal() -> None:
    (finding,) = down(faults.failed(healthy(), NATS, "first", "second", "third", "fourth"))
    assert finding.evidence == (
        "nats-server.service is activating (auto-restart), result exit-code, exit status 1, 7 restarts",
        "journal: second",
        "journal: third",
        "journal: fourth",
    )
    assert not finding.by_itself


def test_a_unit_that_was_stopped_stands_for_itself() -> None:
    (finding,) = down(faults.unit(healthy(), STORAGE, state="inactive", sub="dead"))
    assert finding.by_itself
    assert "it was stopped, it did not fail" in finding.evidence


def test_a_unit_that_is_masked_or_missing_is_told_as_that() -> None:
    (finding,) = down(faults.unit(healthy(), COLLECTOR, state="inactive", sub="dead", load="masked"))
    assert finding.evidence[0] == "marketprism-collector.service is masked"


def test_a_unit_that_somebody_changed_is_told_with_the_file() -> None:
    drop_ins = ("/etc/systemd/system/a.d/50-marketprism.conf", "/etc/systemd/system/a.d/override.conf")
    (finding,) = down(faults.failed(healthy(), COLLECTOR, drop_ins=drop_ins))
    assert finding.evidence[1] == (
        "marketprism-collector.service is not as deployed, it is changed by /etc/systemd/system/a.d/override.conf"
    )
    (finding,) = down(faults.failed(healthy(), COLLECTOR, drop_ins=drop_ins[:1]))
    assert len(finding.evidence) == 1


def test_a_frozen_process_is_down_although_its_unit_is_active() -> None:
    (finding,) = down(faults.silent(healthy(), "nats_monitor", error="nothing within 3 s"))
    assert finding.evidence[0] == (
        "nats-server.service is active, but http://a:8222/healthz does not answer: nothing within 3 s"
    )


def test_a_server_that_refuses_a_stream_since_a_write_failed_is_down_although_it_answers() -> None:
    said = "stream '$G > MARKET_DATA' is not healthy: write error"
    (finding,) = down(faults.answering(healthy(), "nats_monitor", 503, {"error": said}))
    assert (finding.problem, finding.evidence[0]) == ("nats-down", f"NATS says: {said}")
    recovering = {"error": "JetStream has not established contact with a meta leader"}
    assert problems(faults.answering(healthy(), "nats_monitor", 503, recovering)) == []


def test_a_service_may_take_some_seconds_to_answer() -> None:
    young = faults.unit(faults.silent(healthy(), "collector"), COLLECTOR, since=NOW - 5)
    assert problems(young) == []
    assert problems(faults.unit(young, COLLECTOR, restarts=3)) == [
        "collector-down"
    ]  # unless it crashes again and again


def test_a_service_that_answers_between_two_crashes_is_down() -> None:
    crashing = faults.unit(healthy(), STORAGE, restarts=3, since=NOW - 2)
    (finding,) = down(crashing)
    assert (finding.problem, finding.certainty) == ("storage-down", Certainty.LIKELY)
    assert finding.evidence[0] == (
        "marketprism-storage@hot.service ended 3 times and was started again, now it is active"
    )
    assert problems(faults.unit(crashing, STORAGE, restarts=3, since=NOW - 20)) == []
    assert problems(faults.unit(crashing, STORAGE, restarts=2, since=NOW - 2)) == []


def test_a_collector_that_waits_for_nats_is_not_down() -> None:
    assert problems(faults.unit(healthy(), COLLECTOR, state="activating", sub="start")) == []


def test_without_systemd_silence_is_a_trace() -> None:
    (finding,) = down(replace(faults.silent(healthy(), "storage_hot"), units=None))
    assert (finding.problem, finding.certainty) == ("storage-down", Certainty.LIKELY)


def test_the_owner_of_a_taken_port_is_named() -> None:
    evidence = faults.failed(healthy(), COLLECTOR, "marketprism: port 8087 on a is taken; see by whom")
    owner = Listener(port=8087, pid=12, command="python3 -m http.server", unit="cron.service")
    (finding,) = port_taken(replace(evidence, listeners=(owner,)))
    assert finding.evidence == (
        (
            "port 8087 (collector) is held by process 12 (python3 -m http.server) of cron.service,"
            " not by marketprism-collector.service"
        ),
        "journal: marketprism: port 8087 on a is taken; see by whom",
    )
    assert finding.explains >= {"collector-down", "stale-data"}


def test_a_port_that_the_unit_itself_still_holds_is_not_taken() -> None:
    own = Listener(port=4222, pid=12, command="nats-server", unit=NATS)
    assert list(port_taken(replace(faults.failed(healthy(), NATS), listeners=(own,)))) == []


def test_a_stopped_service_does_not_miss_its_port() -> None:
    stopped = faults.unit(healthy(), NATS, state="inactive", sub="dead")
    other = Listener(port=4222, pid=12, command="x")
    assert list(port_taken(replace(stopped, listeners=(other,)))) == []


@pytest.mark.parametrize(
    "refused",
    [
        'nats-server: /etc/nats/server.conf:1:2: unknown field "lissten"',
        "nats-server: open /etc/nats/users.conf: permission denied",
    ],
)
def test_settings_that_a_service_refused_are_quoted(refused: str) -> None:
    (finding,) = config_invalid(faults.failed(healthy(), NATS, refused))
    assert finding.evidence == (f"nats-server.service: {refused}",)
    assert finding.explains == {"nats-down"}


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("no venue is enabled", remedy="set venues.<name>.enabled to true"),
        ConfigurationError("cannot listen on 10.0.0.9:8087: Cannot assign requested address", remedy="set a bind"),
        RightsError("configuration file /etc/marketprism/marketprism.yml may not be read by this user"),
    ],
)
def test_whatever_settings_end_one_of_our_services_are_told_by_its_exit_status(error: ConfigurationError) -> None:
    said = f"{MARK}{error}"
    ended = faults.failed(healthy(), COLLECTOR, said, "Main process exited", exit_status=error.exit_code)
    (finding,) = config_invalid(ended)
    assert finding.evidence == (f"marketprism-collector.service: {said}",)
    assert finding.explains == {"collector-down"}


def test_an_error_that_is_none_of_the_settings_is_not_told_as_one() -> None:
    error = UnavailableError("port 8087 on a is taken", remedy="stop that or set another port")
    ended = faults.failed(healthy(), COLLECTOR, f"{MARK}{error}", exit_status=error.exit_code)
    assert list(config_invalid(ended)) == []
    usage = faults.failed(healthy(), COLLECTOR, "Error: No such option: --mod", exit_status=2)
    assert list(config_invalid(usage)) == []


def test_a_refusal_of_an_earlier_run_is_none_of_this_one() -> None:
    line = Line(seconds=NOW - 100, text="marketprism: setting 'log_level' is 'X'; correct it")
    assert list(config_invalid(faults.unit(healthy(), COLLECTOR, lines=(line,)))) == []
    failing = faults.failed(healthy(), COLLECTOR, "Failed at step EXEC spawning /opt/none", exit_status=2)
    assert failing.units is not None
    both = (line, *failing.units[COLLECTOR].lines)
    assert list(config_invalid(faults.unit(failing, COLLECTOR, lines=both))) == []
