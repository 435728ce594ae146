"""Every alert fires on what it is about and is silent on what is sound, by promtool's own unit tests of rules."""

import json

from testinfra.host import Host

from marketprism.ops import alerts
from marketprism.ops.doctor.catalogue import PROBLEMS

RULES = alerts.rules()["groups"][0]["rules"]
FEED = 'marketprism_storage_newest_event_age_seconds{feed="trade binance.spot"}'
STORED = 'marketprism_storage_events_total{outcome="stored",data_type="%s"}'
DISK = '{fstype="ext4",mountpoint="/"}'
FILES = {f"node_filesystem_files_free{DISK}": "900x40", f"node_filesystem_files{DISK}": "1000x40"}


def skews(**by_venue: float) -> dict[str, str]:
    return {f'marketprism_clock_skew_seconds{{venue="{venue}"}}': f"{skew}x40" for venue, skew in by_venue.items()}


# By alert: series that fire it, and series that must not. One value each 30 s, for 20 minutes.
CASES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "nats-down": ({'probe_success{job="nats"}': "0x40"}, {'probe_success{job="nats"}': "1x40"}),
    "clickhouse-down": ({'probe_success{job="clickhouse"}': "0x40"}, {'probe_success{job="nats"}': "0x40"}),
    "storage-down": ({'up{job="storage"}': "0x40"}, {'up{job="storage"}': "1x40"}),
    "collector-down": ({'up{job="collector"}': "0x40"}, {'up{job="collector"}': "1x38 0x1"}),  # half a minute is none
    "no-data": ({STORED % "trade": "7x40"}, {STORED % "trade": "0+5x40"}),
    "stale-data": ({FEED: "46x40"}, {FEED: "45x40"}),
    "orderbooks-empty": (
        {STORED % "orderbook": "7x40", STORED % "trade": "0+5x40", "marketprism_books": "2x40"},
        {STORED % "orderbook": "7x40", STORED % "trade": "0+5x40", "marketprism_books": "0x40"},  # none was asked for
    ),
    "memory-pressure": (
        {"node_memory_MemAvailable_bytes": "59x40", "node_memory_MemTotal_bytes": "1000x40"},
        {"node_memory_MemAvailable_bytes": "60x40", "node_memory_MemTotal_bytes": "1000x40"},
    ),
    "cpu-saturated": (
        {'node_cpu_seconds_total{cpu="0",mode="idle"}': "0+1x40"},  # 1 s of 30
        {'node_cpu_seconds_total{cpu="0",mode="idle"}': "0+3x40"},
    ),
    "exchange-blocked": (
        {'marketprism_venue_state{venue="okx-spot",state="blocked"}': "1x40"},
        {'marketprism_venue_state{venue="okx-spot",state="limited"}': "1x40"},
    ),
    "websocket-flapping": (
        {'marketprism_connection_losses_total{venue="okx-spot",connection="a"}': "0+1x40"},
        {'marketprism_connection_losses_total{venue="okx-spot",connection="a"}': "0x20 1x20"},
    ),
    "disk-full": (
        {f"node_filesystem_avail_bytes{DISK}": "19x40", f"node_filesystem_size_bytes{DISK}": "1000x40", **FILES},
        {f"node_filesystem_avail_bytes{DISK}": "51x40", f"node_filesystem_size_bytes{DISK}": "1000x40", **FILES},
    ),
    "clock-skew": (
        skews(deribit=-1.5, okx_spot=-1.5, binance_spot=0.9),
        skews(deribit=-1.5, okx_spot=1.5, binance_spot=0.9),  # no majority says the same
    ),
    "stream-full": (
        {'marketprism_storage_stream_fill_ratio{stream="MARKET_DATA"}': "0.95x40"},
        {'marketprism_storage_stream_fill_ratio{stream="MARKET_DATA"}': "0.61x40"},
    ),
    "consumer-stuck": (
        {
            'marketprism_storage_pending_messages{stream="MARKET_DATA"}': "9x40",
            'marketprism_storage_messages_total{stream="MARKET_DATA"}': "3x40",
        },
        {
            'marketprism_storage_pending_messages{stream="MARKET_DATA"}': "9x40",
            'marketprism_storage_messages_total{stream="MARKET_DATA"}': "0+3x40",
        },
    ),
    "backup-too-old": (
        {'marketprism_job_last_success_timestamp_seconds{timer="backup"}': "-93600x40"},  # 26 h before the start
        {'marketprism_job_last_success_timestamp_seconds{timer="backup"}': "-92000x40"},
    ),
}
FOUND = {
    rule["alert"]: (
        {f'marketprism_problem{{problem="{rule["alert"]}"}}': "1x40"},
        {f'marketprism_problem{{problem="{rule["alert"]}"}}': "0x40"},
    )
    for rule in RULES
}
"""By the doctor's word alone."""


def case(name: str, series: dict[str, str], *, fires: bool) -> dict[str, object]:
    """Ask, after 20 minutes, whether one of an alert's expressions has held for its time."""
    labels = {"alertname": name, "alertstate": "firing", "severity": PROBLEMS[name].severity.value}
    pairs = ", ".join(f'{key}="{value}"' for key, value in labels.items())
    expected = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "name": f"{name} {'fires' if fires else 'is silent'}",
        "interval": "30s",
        "input_series": [{"series": key, "values": values} for key, values in series.items()],
        "promql_expr_test": [{"expr": f"count(ALERTS{{{pairs}}})", "eval_time": "20m", "exp_samples": expected}],
    }


def test_there_is_a_case_for_every_alert() -> None:
    assert set(CASES) == set(alerts.MEASURES)
    assert set(FOUND) == {rule["alert"] for rule in RULES} <= set(PROBLEMS)


def test_every_alert_fires_on_its_problem_and_on_nothing_less(host: Host) -> None:
    cases = [
        case(name, series, fires=fires)
        for name, (broken, sound) in (*CASES.items(), *FOUND.items())
        for series, fires in ((broken, True), (sound, False))
    ]
    content = {"rule_files": ["/etc/prometheus/marketprism.rules.yml"], "evaluation_interval": "30s", "tests": cases}
    host.check_output("printf %%s %s > /run/rules_test.yml", json.dumps(content))
    said = host.run("promtool test rules /run/rules_test.yml")
    assert said.rc == 0, said.stdout + said.stderr
