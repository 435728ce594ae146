"""The timers run, a job that succeeds says when, one that fails is told of, and the host can run its own playbooks."""

import json
import time

from testinfra.host import Host

JOBS = ("health", "health-full", "doctor", "backfill", "backup", "drill", "optimize")
METRICS = "/var/lib/prometheus/node-exporter"
TOKEN = "webhooktokenwebhooktoken"
ROWS = 4321


def last_success(host: Host, job: str) -> int:
    text = host.file(f"{METRICS}/marketprism_{job}.prom").content_string
    kind, line = text.splitlines()
    assert kind == "# TYPE marketprism_job_last_success_timestamp_seconds gauge"
    assert line.startswith(f'marketprism_job_last_success_timestamp_seconds{{timer="{job}"}} ')
    return int(line.rpartition(" ")[2])


def admin(host: Host, sql: str) -> None:
    """Run a statement as the administrator, from the host."""
    program = (
        "import sys, urllib.request as u; key = open('/etc/marketprism/credentials/clickhouse-admin').read();"
        " u.urlopen(u.Request('http://10.98.0.33:8123/', sys.argv[1].encode(),"
        " {'X-ClickHouse-User': 'marketprism_admin', 'X-ClickHouse-Key': key})).read()"
    )
    host.check_output("python3 -c %s %s", program, sql)


def backups(host: Host) -> list[dict[str, object]]:
    return [
        json.loads(host.check_output("cat %s", path)) for path in host.check_output("ls /srv/backup/*.json").split()
    ]


def backups_seen(host: Host) -> list[str]:
    return host.check_output("cd /var/lib/marketprism/backups && ls *.json").split()


def test_the_timers_wait_for_their_time(host: Host) -> None:
    for job in JOBS:
        shown = host.check_output(
            f"systemctl show -P ActiveState -P NextElapseUSecRealtime marketprism-{job}.timer"
        ).split()
        assert "active" in shown
        assert len(shown) > 2, "no next time"


def test_a_backup_and_a_drill_say_when_they_succeeded(host: Host) -> None:
    admin(
        host,
        "INSERT INTO marketprism_hot.trades (source, exchange, market, symbol, timestamp, id_kind, side, price,"
        " quantity, trade_id, stream_epoch, stream_seq, item, inserted_at) SELECT 'replayed', 'binance', 'spot',"
        f" 'BTC-USDT', now64(6), 'fill', 'buy', 1, 1, number, 7, number, 0, now64(3) - 3600 FROM numbers({ROWS})",
    )
    before = time.time_ns() // 1_000_000_000
    host.check_output("systemctl start marketprism-backup")
    (made,) = backups(host)
    assert made["tables"]["marketprism_hot"]["trades"]["least"] == ROWS
    assert set(backups_seen(host)) == {f"{made['id']}.json"}, "where the doctor looks for them"
    host.check_output("systemctl start marketprism-drill")
    assert before <= last_success(host, "backup") <= last_success(host, "drill") <= before + 120


def heard(host: Host, unit: str, seconds: float) -> dict[str, str]:
    """Wait until the listener has heard of a unit."""
    deadline = time.monotonic() + seconds
    while True:
        for line in host.run("cat /run/heard.jsonl").stdout.splitlines():
            told: dict[str, str] = json.loads(line)
            if told["unit"] == unit:
                return told
        assert time.monotonic() < deadline, f"nothing was told of {unit}"
        time.sleep(0.5)


def mailed(host: Host, subject: str, seconds: float) -> str:
    """Wait until a mail has come."""
    deadline = time.monotonic() + seconds
    while True:
        for line in host.run("cat /run/mailed.jsonl").stdout.splitlines():
            mail: str = json.loads(line)
            if f"Subject: {subject}\r\n" in mail:
                return mail
        assert time.monotonic() < deadline, f"no mail came: {subject}"
        time.sleep(0.5)


def test_a_failure_is_told_with_its_journal_and_leaves_no_success(host: Host) -> None:
    assert host.run("systemctl start marketprism-health").rc != 0
    told = heard(host, "marketprism-health.service", seconds=30)
    assert told["text"] == "MarketPrism on mp-maintenance: marketprism-health.service failed"
    assert "collector does not answer at http://10.98.0.33:8087/ready" in told["journal"]
    assert not host.file(f"{METRICS}/marketprism_health.prom").exists
    mail = mailed(host, told["text"], seconds=30)
    assert "To: operator@example.org\r\n" in mail
    assert "collector does not answer at http://10.98.0.33:8087/ready" in mail
    report = heard(host, "marketprism-remediate.service", seconds=180)
    assert "collector-down" in report["journal"]
    assert "Nothing was changed (remediation_mode is report)" in report["journal"]
    host.check_output("systemctl reset-failed marketprism-health marketprism-remediate")


def test_the_monthly_merge_says_what_it_did(host: Host) -> None:
    """Nothing: what is stored here came just now."""
    host.check_output("systemctl start marketprism-optimize")
    said = host.check_output("journalctl --unit=marketprism-optimize --output=cat")
    assert "days that were in several parts: 0" in said
    assert last_success(host, "optimize") > 0


def test_what_the_doctor_finds_is_a_metric_and_no_failure(host: Host) -> None:
    host.check_output("systemctl start marketprism-doctor")
    lines = host.file(f"{METRICS}/marketprism_doctor_problems.prom").content_string.splitlines()
    assert 'marketprism_problem{problem="collector-down"} 1.0' in lines
    assert 'marketprism_problem{problem="nats-down"} 0.0' in lines
    # Its unit may write nowhere, which is no fault of the disk.
    assert 'marketprism_problem{problem="clickhouse-readonly"} 0.0' in lines


def test_the_host_runs_its_own_playbooks(host: Host) -> None:
    said = host.check_output("marketprism-ops backup")
    assert f"{ROWS} rows" in said
    first, second = backups(host)
    assert second["base"] == first["id"]
    refused = host.run("marketprism-ops nothing")
    assert refused.rc == 2
    assert "support-bundle" in refused.stderr


def test_the_journal_is_limited(host: Host) -> None:
    said = host.check_output("systemd-analyze cat-config systemd/journald.conf")
    assert "\nSystemMaxUse=1G\nMaxRetentionSec=30day" in said


def test_the_webhook_s_token_is_for_root_alone(host: Host) -> None:
    units = host.check_output(
        "systemctl cat 'marketprism-alert@x.service'; journalctl --no-pager; cat /opt/marketprism/ops/alert.py"
    )
    assert TOKEN not in units
    file = host.file("/etc/marketprism/credentials/alert-webhook")
    assert (file.user, file.mode) == ("root", 0o600)


def test_the_full_look_names_what_the_doctor_and_the_audit_find(host: Host) -> None:
    admin(
        host,
        "INSERT INTO marketprism_hot.trades (source, exchange, market, symbol, timestamp, id_kind, trade_id,"
        " stream_epoch) SELECT 'simulated', 'binance', 'spot', 'BTC-USDT', now64(6) - 86400, 'fill',"
        " arrayJoin([1, 5]), 7",
    )
    assert host.run("systemctl start marketprism-health-full").rc != 0
    journal = heard(host, "marketprism-health-full.service", seconds=60)["journal"]
    assert "problem doctor: broken: collector-down" in journal
    assert "problem audit: trade binance spot BTC-USDT: 3 missing ids are in no ledger" in journal
    host.check_output("systemctl reset-failed marketprism-health-full")
