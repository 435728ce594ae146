"""Five hundred symbols of an exchange lose their connections at once, and no limit is broken while they come back."""

import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.integration.collecting import Collector, SimServer, collect_from
from tests.integration.servers import eventually

SYMBOLS = 500
MOST_SECONDS = 1200
LOOK_SECONDS = 1.0
"""A look at a thousand feeds costs the collector time that its books need."""
QUIETLY = ("--rate", "0.1", "--queue-frames", "50000", "--max-clients", "200")


@pytest.mark.venue_faults
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("streams")
@pytest.mark.parametrize("venue", ["okx-swap", "binance-usdm"])
def test_five_hundred_books_are_live_again_after_a_cut_without_breaking_a_limit(
    venue: str, tmp_path: Path, config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sim").mkdir()
    sim = SimServer(tmp_path / "sim", "--market", venue, "--symbols", str(SYMBOLS), *QUIETLY)
    sim.start()
    made_up = [f"SIM{number:04d}-USDT" for number in range(SYMBOLS - 4)]
    symbols = ["BTC-USDT", "ETH-USDT", "币安人生-USDT", "PICO-USDT", *made_up]
    collect_from(
        sim, config_file, tmp_path / "spool", {venue: {"symbols": symbols, "data_types": ["trade", "orderbook"]}}
    )
    collector = Collector(tmp_path, config_file)
    try:
        collector.start()
        first = _seconds_until_live(collector)
        losses = collector.metric("marketprism_connection_losses_total")
        sim.inject(fault="close-all", venue=venue)
        eventually(lambda: collector.metric("marketprism_connection_losses_total") > losses)
        again = _seconds_until_live(collector)
        with capsys.disabled():
            sys.stdout.write(
                f"\n{venue}: {SYMBOLS} books live {first:.0f} s after the start, {again:.0f} s after a cut\n"
            )
        assert collector.metric('marketprism_rest_requests_total{outcome="limited"') == 0
        assert "rate limited" not in collector.log()
        assert "answers HTTP" not in collector.log()
    finally:
        collector.stop()
        collector.manager.close()
        sim.stop()


def _seconds_until_live(collector: Collector) -> float:
    started = time.monotonic()
    while (books := Counter(collector.books()))["live"] < SYMBOLS:
        assert time.monotonic() < started + MOST_SECONDS, books
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - started
