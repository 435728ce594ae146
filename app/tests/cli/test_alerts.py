"""The command that prints alert rules."""

import yaml
from typer.testing import CliRunner

from marketprism.cli import app


def test_the_rule_file_is_yaml_with_the_runbooks_that_were_asked_for() -> None:
    done = CliRunner().invoke(app, ["alert-rules", "--runbooks", "https://example.org/r"])
    first = yaml.safe_load(done.stdout)["groups"][0]["rules"][0]
    assert (first["alert"], first["for"]) == ("nats-down", "0s")
    assert first["annotations"]["runbook_url"] == "https://example.org/r/nats-down.md"


def test_inhibitions_are_a_list_for_alertmanager() -> None:
    done = CliRunner().invoke(app, ["alert-rules", "--inhibitions"])
    assert yaml.safe_load(done.stdout)[0]["source_matchers"] == ['alertname="nats-down"', 'seen_by="doctor"']
