"""The collector publishes what the simulator sends, survives a kill, and keeps its secret to itself."""

import json
import time

from testinfra.host import Host
from units import exposes_at_most

UNIT = "marketprism-collector.service"
MONITOR = "http://10.98.0.27:8222/jsz?streams=true"


def test_unit_is_hardened(host: Host) -> None:
    exposes_at_most(host, UNIT, 1.2)


def messages(host: Host) -> dict[str, int]:
    """Return the number of messages by stream."""
    script = f"import urllib.request; print(urllib.request.urlopen('{MONITOR}').read().decode())"
    accounts = json.loads(host.check_output(f'python3 -c "{script}"'))["account_details"]
    return {s["name"]: s["state"]["messages"] for account in accounts for s in account["stream_detail"]}


def test_trades_and_books_arrive_in_their_streams(host: Host) -> None:
    """Both streams grow while we look; the collector was killed once before."""
    before = messages(host)
    deadline = time.monotonic() + 30
    names = ("MARKET_DATA", "ORDERBOOK_SNAP")
    while time.monotonic() < deadline:
        now = messages(host)
        if all(now[name] > before[name] for name in names):
            return
        time.sleep(1)
    journal = host.check_output(f"journalctl --no-pager --lines=40 --unit={UNIT}")
    raise AssertionError(f"{before} -> {messages(host)}\n{journal}")


def test_the_secret_is_private(host: Host) -> None:
    """The credential's mode was repaired, and the secret shows up neither in the unit nor in the journal."""
    secret = host.file("/etc/marketprism/credentials/nats-collector")
    assert secret.mode == 0o600
    shown = host.check_output(
        f"systemctl cat {UNIT}; systemctl show {UNIT}; journalctl --no-pager --unit={UNIT}; ps -eo args"
    )
    assert secret.content_string not in shown


def test_status_says_what_it_does(host: Host) -> None:
    """The one-line status names venues and rates."""
    assert "venues" in host.check_output(f"systemctl show --property=StatusText --value {UNIT}")


def test_the_spool_belongs_to_the_service_alone(host: Host) -> None:
    """Events wait there while NATS is away; the unit may write nowhere else."""
    spool = host.file("/var/lib/marketprism/spool")
    assert (spool.user, spool.group, spool.mode) == ("marketprism", "marketprism", 0o750)


def test_the_exchanges_were_asked_before_the_first_start(host: Host) -> None:
    """Each enabled venue answered; where nothing was refused no frames are kept."""
    folder = "/var/lib/marketprism/probe"
    assert host.check_output(f"ls {folder}").split() == ["binance-spot.json", "binance-usdm.json"]
    for name in ("binance-spot", "binance-usdm"):
        found = json.loads(host.check_output(f"cat {folder}/{name}.json"))
        assert found["frames"] > 0
        assert found["refused"] == {}
        assert {each["data_type"] for each in found["feeds"] if each["events"]} >= {"trade", "orderbook"}
        assert found["answers"][0]["question"] == "What does a depth request without limit weigh?"
