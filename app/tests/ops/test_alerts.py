"""Alert rules: one name per problem, the doctor's limits, and no metric that nobody exposes."""

import re
from typing import Any

import pytest

from marketprism.contract.catalog import DATA_TYPES
from marketprism.ops import alerts
from marketprism.ops.doctor.catalogue import PROBLEMS, Phase
from tests.ops import exposed

RULES: list[dict[str, Any]] = alerts.rules("https://example.org/runbooks/")["groups"][0]["rules"]


def test_every_problem_of_a_running_installation_has_its_alert_and_nothing_else_has() -> None:
    running = [problem.name for problem in PROBLEMS.values() if problem.phase is Phase.RUN]
    assert list(dict.fromkeys(rule["alert"] for rule in RULES)) == running
    assert set(alerts.MEASURES) <= set(running)


def test_every_alert_says_how_bad_it_is_and_where_to_read_on() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] == PROBLEMS[rule["alert"]].severity.value
        assert rule["annotations"]["runbook_url"] == f"https://example.org/runbooks/{rule['alert']}.md"
        assert rule["annotations"]["summary"]


def test_data_are_stale_from_the_limit_that_the_contract_gives_each_type() -> None:
    stale = {rule["labels"]["data_type"]: rule["expr"] for rule in RULES if "data_type" in rule["labels"]}
    assert stale["trade"] == 'marketprism_storage_newest_event_age_seconds{feed=~"trade .+"} > 45'
    assert stale["lsr_top_position"].endswith("> 900")
    assert set(stale) == {t.name for t in DATA_TYPES.values() if t.freshness_seconds is not None}


def test_every_problem_is_alerted_of_by_the_doctor_s_word_at_once() -> None:
    for problem in {rule["alert"] for rule in RULES}:
        rule = next(rule for rule in RULES if rule["alert"] == problem)
        assert (rule["expr"], rule["for"]) == (f'marketprism_problem{{problem="{problem}"}} == 1', "0s")


def test_what_prometheus_sees_without_the_doctor_is_alerted_of_as_well() -> None:
    rules = [rule for rule in RULES if rule["alert"] == "storage-down"]
    assert [rule["expr"] for rule in rules][1:] == ['up{job="storage"} == 0']
    assert [rule["labels"]["seen_by"] for rule in rules] == ["doctor", "prometheus"]


def test_who_is_told_of_a_cause_by_the_doctor_is_not_told_of_its_consequences_by_prometheus() -> None:
    assert {
        "source_matchers": ['alertname="nats-down"', 'seen_by="doctor"'],
        "target_matchers": ['alertname=~"no-data|orderbooks-empty|stale-data"', 'seen_by="prometheus"'],
    } in alerts.inhibitions()
    assert {(len(each["source_matchers"]), each["target_matchers"][1]) for each in alerts.inhibitions()} == {
        (2, 'seen_by="prometheus"')
    }, "what the doctor says is never muted"
    targets = " ".join(each["target_matchers"][0] for each in alerts.inhibitions())
    assert set(re.findall(r"[a-z]+(?:-[a-z]+)+", targets)) <= set(PROBLEMS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule['alert']} {rule['labels'].get('data_type', '')}")
def test_every_metric_in_an_expression_exists(rule: dict[str, Any]) -> None:
    assert exposed.names(rule["expr"]) <= exposed.METRICS | exposed.BY_OTHERS
