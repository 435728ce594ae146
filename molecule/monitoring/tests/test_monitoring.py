"""Prometheus asks everybody, tells somebody of what is wrong, and listens where it was told to."""

import json
import re
import time
import urllib.parse
from pathlib import Path
from typing import Any

from testinfra.host import Host

from marketprism.ops import alerts

CLONE = Path(__file__).parents[3]
PROMETHEUS = "http://10.98.0.35:9090"
JOBS = {"prometheus", "alertmanager", "node", "collector", "storage", "nats", "clickhouse", "clickhouse_server"}
TOKEN = "webhooktokenwebhooktoken"


def ask(host: Host, path: str, **words: str) -> Any:
    program = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
    url = f"{PROMETHEUS}/api/v1/{path}?{urllib.parse.urlencode(words)}"
    return json.loads(host.check_output("python3 -c %s %s", program, url))["data"]


def wait_for(what: Any, seconds: float = 150) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(1)
    return found


def test_everybody_is_asked_under_an_address_of_their_own(host: Host) -> None:
    targets = ask(host, "targets")["activeTargets"]
    by_job: dict[str, set[str]] = {}
    for target in targets:
        by_job.setdefault(target["labels"]["job"], set()).add(target["labels"]["instance"])
    assert set(by_job) == JOBS
    assert by_job["storage"] == {"10.98.0.35:8085", "10.98.0.35:8086"}
    assert by_job["collector"] == {"10.98.0.35:9093"}
    assert by_job["nats"] == {"http://10.98.0.35:8222/healthz?js-enabled-only=true"}


def test_what_others_expose_is_there_under_the_names_of_rules_and_dashboards(host: Host) -> None:
    wait_for(lambda: ask(host, "query", query="node_load1")["result"])
    dashboards = [path.read_text() for path in (CLONE / "roles/monitoring/files/dashboards").glob("*.json")]
    rules = [rule["expr"] for rule in alerts.rules()["groups"][0]["rules"]]
    wanted = {name for text in (*dashboards, *rules) for name in re.findall(r"\b(?:node|probe)_[a-zA-Z0-9_]+", text)}
    assert len(wanted) > 10
    missing = wanted - set(ask(host, "label/__name__/values"))
    # Some kernels do not say for how long tasks waited.
    assert not [name for name in missing if not name.startswith("node_pressure_") or host.file("/proc/pressure").exists]


def test_who_is_told_hears_of_what_is_down_with_its_runbook_and_not_of_what_follows(host: Host) -> None:
    def heard() -> dict[str, dict[str, Any]]:
        text = host.run("cat /run/heard.jsonl").stdout
        told = [alert for line in text.splitlines() if line for alert in json.loads(line)["alerts"]]
        return {alert["labels"]["alertname"]: alert for alert in told}

    down = {"nats-down", "clickhouse-down", "storage-down", "collector-down", "schema-drift"}
    wait_for(lambda: down <= set(heard()))
    told = heard()
    assert told["nats-down"]["labels"]["severity"] == "broken"
    runbook = "file:///opt/marketprism/ops/tree/current/docs/runbooks/nats-down.md"
    assert told["nats-down"]["annotations"]["runbook_url"] == runbook
    assert (CLONE / "docs/runbooks" / Path(runbook).name).exists()
    mails = wait_for(lambda: host.run("cat /run/mailed.jsonl").stdout)
    assert "To: operator@example.org" in mails
    assert "nats-down" in mails
    assert not set(told) & {"no-data", "stale-data", "orderbooks-empty", "stream-drift"}


def test_the_doctor_s_word_mutes_what_prometheus_sees_of_it_and_nothing_else(host: Host) -> None:
    program = (
        "import sys, urllib.request as u; data = sys.argv[2].encode() or None;"
        "print(u.urlopen(u.Request(sys.argv[1], data, {'Content-Type': 'application/json'})).read().decode())"
    )
    raised = [
        ("exchange-blocked", "doctor"),
        ("websocket-flapping", "prometheus"),  # the consequence of what the doctor says
        ("websocket-flapping", "doctor"),  # of another venue, as the doctor says it at all
        ("disk-full", "prometheus"),  # the doctor does not say it
        ("backup-too-old", "prometheus"),
    ]
    labels = [{"alertname": name, "seen_by": who, "drill": "mute"} for name, who in raised]
    url = "http://10.98.0.35:9095/api/v2/alerts"
    host.check_output("python3 -c %s %s %s", program, url, json.dumps([{"labels": each} for each in labels]))
    said = host.check_output("python3 -c %s %s ''", program, f"{url}?filter=drill%3Dmute")
    found = {
        (a["labels"]["alertname"], a["labels"]["seen_by"]): bool(a["status"]["inhibitedBy"]) for a in json.loads(said)
    }
    assert found == {each: each == ("websocket-flapping", "prometheus") for each in raised}


def test_nothing_listens_elsewhere_than_it_was_told_to(host: Host) -> None:
    listeners = set(host.check_output("ss -tlnH | awk '{print $4}'").split())
    ours = {each for each in listeners if not each.endswith((":22", ":9999", ":2525", ":53", ":5355"))}
    assert ours == {"10.98.0.35:9090", "10.98.0.35:9095", "10.98.0.35:9100", "127.0.0.1:9115"}


def test_the_webhook_s_token_is_for_the_alertmanager_alone(host: Host) -> None:
    assert TOKEN not in host.check_output("journalctl --no-pager; ps -eo args")
    file = host.file("/etc/prometheus/alertmanager.yml")
    assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)


def test_grafana_would_find_two_dashboards(host: Host) -> None:
    assert "path: /usr/local/share/marketprism/dashboards" in host.check_output(
        "cat /etc/grafana/provisioning/dashboards/marketprism.yml"
    )
    assert host.check_output("ls /usr/local/share/marketprism/dashboards") == "host.json\npipeline.json"
