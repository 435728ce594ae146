"""What is printed into a log or a pipe is whole."""

import pytest

from marketprism.cli.status import print_status
from marketprism.ops.status import FeedState, Service, Status, TableState


def test_nothing_is_cut_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    unit = Service(
        "marketprism-storage@hot.service", "lab", "active", "2026-11-22T22:05:57+00:00", "trades 24/s, lag 15"
    )
    report = Status(
        {"version": "0.1.0", "inventory": "lab", "source": "simulated"},
        [],
        {"collector_metrics": "http://10.98.0.10:9093"},
        {},
        [unit],
        {"trades": TableState(12_345, 0.31), "orderbooks": TableState(0, None)},
        [FeedState("okx-swap", "funding_rate", 0.07, 0.31, 12.34)],
        ["binance-spot trade BTC-USDT is stale: newest row is 46 s old (limit 45 s)"],
    )
    print_status(report)
    printed = capsys.readouterr().out
    for words in (
        unit.unit,
        str(unit.since),
        unit.detail,
        "http://10.98.0.10:9093",
        "12,345",
        "0.3 s ago",
        "none",
        "46 s old",
        "okx-swap",
        "0.31 s",
        "12.3 s ago",
    ):
        assert words in printed
