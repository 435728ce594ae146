"""A feed is stale when its own newest row is too old, whatever the other feeds do."""

from pathlib import Path

import pytest

from marketprism.ops.status import FeedState, Status, _feeds, _ready_urls, _services, _stale
from marketprism.settings import Settings

VENUE = {"ws_url": "ws://a", "rest_url": "http://a", "symbols": ("BTC-USDT",)}
OFF = {name: {"enabled": False} for name in ("okx-spot", "okx-swap", "deribit")}
SETTINGS = Settings(
    venues=OFF
    | {
        "binance-spot": VENUE | {"symbols": ("BTC-USDT", "ETH-USDT")},
        "binance-usdm": VENUE | {"enabled": False},
    }
)
NOW = 1_000_000.0


def test_fresh_feeds_are_no_problem() -> None:
    newest = {("binance", "spot", "BTC-USDT"): NOW - 44, ("binance", "spot", "ETH-USDT"): NOW}
    assert _stale(SETTINGS, "trade", newest, NOW) == []


def test_a_feed_that_is_too_old_is_named_with_its_limit() -> None:
    newest = {("binance", "spot", "BTC-USDT"): NOW - 46, ("binance", "spot", "ETH-USDT"): NOW}
    assert _stale(SETTINGS, "trade", newest, NOW) == [
        "binance-spot trade BTC-USDT is stale: newest row is 46 s old (limit 45 s)"
    ]


def test_a_feed_that_never_delivered_is_stale() -> None:
    assert _stale(SETTINGS, "orderbook", {("binance", "spot", "BTC-USDT"): NOW}, NOW) == [
        "binance-spot orderbook ETH-USDT is stale: no row in the last day (limit 20 s)"
    ]


def test_a_disabled_venue_is_not_expected() -> None:
    assert not [problem for problem in _stale(SETTINGS, "trade", {}, NOW) if "usdm" in problem]


async def test_a_systemd_that_hangs_is_a_problem_of_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\nexec sleep 30\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr("marketprism.ops.status.DEADLINE_SECONDS", 0.2)
    report = Status({}, [], {}, {})
    await _services(report, ["nats-server.service"], "localhost")
    assert report.problems == ["systemd does not answer within 0.2 s; see 'systemctl is-system-running'"]


def test_cold_storage_has_to_be_healthy_where_it_is_installed() -> None:
    endpoints = {"nats_monitor": "http://n:8222", "collector": "http://c:8087", "storage_hot": "http://s:8085"}
    assert "storage cold" not in _ready_urls(endpoints)
    endpoints["storage_cold"] = "http://s:8086"
    assert _ready_urls(endpoints)["storage cold"] == "http://s:8086/health"


def test_a_venues_symbols_are_one_feed_with_the_lag_of_the_busiest() -> None:
    row = {"exchange": "okx", "market": "perpetual"}
    rows = [
        row | {"symbol": "BTC-USDT", "newest": NOW - 2, "recent": "90", "lag": 0.25},
        row | {"symbol": "ETH-USDT", "newest": NOW - 1, "recent": "30", "lag": 0.75},
    ]
    assert _feeds("trade", rows, NOW) == [FeedState("okx-swap", "trade", 2.0, 0.25, 1.0)]
