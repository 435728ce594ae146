"""The whole installation: rows are what the exchange sent, nothing fails, health can fail."""

import json
import time
from decimal import Decimal
from typing import Any

from installation import query
from testinfra.host import Host
from units import exposes_at_most

TRUTH = "/var/lib/marketprism/simulator/truth.jsonl"
CATCH_UP_SECONDS = 60
"""Storage reads what was not acknowledged again after it was killed."""
EXPOSURE = {
    "marketprism-collector": 1.2,
    "marketprism-storage@hot": 1.2,
    "marketprism-simulator": 1.2,
    "nats-server": 1.5,
    "clickhouse-server": 2.0,
}


def sent_trades(host: Host, before_ms: int) -> dict[int, dict[str, Any]]:
    """Return the last spot trades that the simulator says it sent."""
    found = {}
    for line in host.check_output(f'grep -h \'"kind":"trade"\' {TRUTH} | tail -n 5000').splitlines():
        row = json.loads(line)
        if row["sent"] and row["venue"] == "binance-spot" and row["at_ms"] < before_ms:
            found[row["event"]["t"]] = row["event"]
    return found


def test_rows_equal_what_the_exchange_sent(host: Host) -> None:
    """Every trade of a sample is stored once, with the frame's price, quantity and time; storage was killed before."""
    truth = sent_trades(host, before_ms=time.time_ns() // 1_000_000 - 5_000)
    assert len(truth) > 50
    ids = ",".join(str(trade_id) for trade_id in truth)
    sql = (
        "SELECT trade_id, toString(price) AS price, toString(quantity) AS quantity,"  # ids are numbers
        " toUnixTimestamp64Milli(timestamp) AS ms"
        f" FROM trades WHERE exchange = 'binance' AND market = 'spot' AND trade_id IN ({ids})"
    )
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while len(rows := query(host, sql)) < len(truth) and time.monotonic() < deadline:
        time.sleep(1)
    assert len(rows) == len(truth)
    for row in rows:
        event = truth[int(row["trade_id"])]
        assert Decimal(row["price"]) == Decimal(event["p"])
        assert Decimal(row["quantity"]) == Decimal(event["q"])
        assert int(row["ms"]) == event["T"]


def test_health_is_well_and_says_so(host: Host) -> None:
    """Status names everything, and health finds nothing once the killed service is back."""
    wait_for_health(host, rc=0, seconds=30, words=())
    report = json.loads(host.check_output("marketprism health --json"))
    assert report["healthy"] is True
    assert {service["state"] for service in report["services"]} == {"active"}
    assert len(report["services"]) == len(EXPOSURE)


def test_units_are_hardened(host: Host) -> None:
    """No unit exceeds the exposure that it is allowed."""
    for unit, allowed in EXPOSURE.items():
        exposes_at_most(host, f"{unit}.service", allowed)


def test_the_services_share_a_slice_that_leaves_memory_to_the_system(host: Host) -> None:
    """Limits follow the RAM that the box shows; filter_plugins/memory_budget.py has them as values."""
    box = int(host.check_output("awk '/^MemTotal/ {print int($2 / 1024)}' /proc/meminfo"))
    shown = host.check_output("systemctl show --property=MemoryHigh,MemoryMax marketprism.slice").splitlines()
    high, most = (int(line.partition("=")[2]) >> 20 for line in shown)
    assert abs(high - box * 8 // 10) <= 1
    assert abs(most - box * 9 // 10) <= 1
    for unit in EXPOSURE:
        assert host.check_output(f"systemctl show --property=Slice --value {unit}") == "marketprism.slice", unit
        assert (
            host.check_output(f"systemctl show --property=MemoryHigh --value {unit}") != "infinity"
            or "clickhouse" in unit
        )


def test_a_silent_exchange_is_noticed_and_nothing_restarts(host: Host) -> None:
    """Stop the simulator: health fails within 60 s and names the feeds; start it: healthy again by itself."""
    apps = ("marketprism-collector", "marketprism-storage@hot")
    started = [host.check_output(f"systemctl show --property=ExecMainPID --value {unit}") for unit in apps]
    host.check_output("systemctl stop marketprism-simulator")
    try:
        wait_for_health(host, rc=1, seconds=60, words=("stale", "binance-spot", "okx-swap", "deribit"))
    finally:
        host.check_output("systemctl start marketprism-simulator")
    wait_for_health(host, rc=0, seconds=60, words=())
    assert started == [host.check_output(f"systemctl show --property=ExecMainPID --value {unit}") for unit in apps]


def wait_for_health(host: Host, *, rc: int, seconds: float, words: tuple[str, ...]) -> None:
    """Wait for an exit code of health and for words in what it says."""
    deadline = time.monotonic() + seconds
    while True:
        answer = host.run("marketprism health")
        if answer.rc == rc and all(word in answer.stdout for word in words):
            return
        assert time.monotonic() < deadline, answer.stdout + answer.stderr
        time.sleep(2)
