"""Exchanges, collector, NATS, storage and ClickHouse as processes, and what they say."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marketprism.contract.venues import VENUES
from marketprism.settings import load
from tests.integration.collecting import Collector, SimServer, collect_from
from tests.integration.flows import StorageService
from tests.integration.servers import ClickHouseServer
from tests.integration.venue_faults.signals import Watch
from tests.integration.venue_faults.wire import Wire

HASTE = """
import dataclasses
from marketprism.contract.catalog import DATA_TYPES
for name, seconds in {"trade": 12, "orderbook": 8, "orderbook_delta": 8}.items():
    DATA_TYPES[name] = dataclasses.replace(DATA_TYPES[name], freshness_seconds=seconds)
from marketprism.collector import state
state.BLOCKED_WAIT_SECONDS = state.LIMITED_WAIT_SECONDS = 10.0
from marketprism.collector import renewal, venue
renewal.FIRST_SECONDS, venue.REFRESH_SECONDS = 12.0, 10.0
"""
"""Run before the collector: waits of minutes and hours become seconds, everything else is as it is installed."""

SYMBOLS = {"binance-usdm": ("BTC-USDT", "ETH-USDT", "币安人生-USDT"), "deribit": ("BTC-USD", "ETH-USD")}
"""What is collected; elsewhere the default symbols."""


@dataclass(slots=True)
class Stage:
    """Everything that runs.

    Attributes:
        sim: All exchanges, and the desk at which faults are ordered.
        wire: What the exchanges sent.
        watch: What the collector says.
    """

    sim: SimServer
    collector: Collector
    clickhouse: ClickHouseServer
    wire: Wire
    watch: Watch

    def active(self) -> set[int]:
        """Return the numbers of the faults that are not over."""
        return {int(each["id"]) for each in self.sim.desk("GET")["active"]}

    def kinds(self) -> set[str]:
        """Return the names of all faults that the exchanges know."""
        return {each["fault"] for each in self.sim.desk("GET")["available"]}


@contextmanager
def stage(directory: Path, config: Path, clickhouse: ClickHouseServer) -> Iterator[Stage]:
    """Start everything over the servers of a configuration; streams and tables are there and empty."""
    truth = directory / "truth.jsonl"
    folders = {name: directory / name for name in ("sim", "collector", "storage")}
    for folder in folders.values():
        folder.mkdir()
    sim = SimServer(folders["sim"], *("--truth", str(truth), "--truth-mb", "4000"), *("--rate", "5", "--symbols", "3"))
    venues = {
        name: {"symbols": list(SYMBOLS.get(name, facts.symbols)), "data_types": list(facts.data_types)}
        for name, facts in VENUES.items()
    }
    collect_from(sim, config, directory / "spool", venues)
    collector = Collector(folders["collector"], config, HASTE)
    storage = StorageService(folders["storage"], config, load(config, environ={}), needs=clickhouse)
    with contextlib.ExitStack() as stack:
        for server in (sim, storage, collector):
            server.start()
            stack.callback(server.stop)
        stack.callback(collector.manager.close)
        watch = stack.enter_context(Watch(collector))
        yield Stage(sim, collector, clickhouse, Wire(truth), watch)
