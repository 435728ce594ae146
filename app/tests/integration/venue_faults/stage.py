"""Exchanges, collector, NATS, storage and ClickHouse as processes, and the desk at which faults are ordered."""

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from marketprism.contract.venues import VENUES
from marketprism.settings import load
from tests.integration.collecting import Collector, SimServer
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
        wire: What the exchanges sent.
        watch: What the collector says.
    """

    sim: SimServer
    collector: Collector
    clickhouse: ClickHouseServer
    wire: Wire
    watch: Watch

    def inject(self, order: dict[str, Any]) -> int:
        """Let a fault begin; its number."""
        return int(self._desk("POST", json.dumps(order).encode())["id"])

    def active(self) -> set[int]:
        """Return the numbers of the faults that are not over."""
        return {int(each["id"]) for each in self._desk("GET")["active"]}

    def withdraw(self, number: int) -> None:
        """End a fault."""
        self._desk("DELETE", query=f"?id={number}")

    def kinds(self) -> set[str]:
        """Return the names of all faults that the exchanges know."""
        return {each["fault"] for each in self._desk("GET")["available"]}

    def _desk(self, method: str, body: bytes | None = None, query: str = "") -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.sim.port}/control/faults{query}"
        request = urllib.request.Request(url, data=body, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read())


@contextmanager
def stage(directory: Path, config: Path, clickhouse: ClickHouseServer) -> Iterator[Stage]:
    """Start everything over the servers of a configuration; streams and tables are there and empty."""
    truth = directory / "truth.jsonl"
    folders = {name: directory / name for name in ("sim", "collector", "storage")}
    for folder in folders.values():
        folder.mkdir()
    sim = SimServer(folders["sim"], *("--truth", str(truth), "--truth-mb", "4000"), *("--rate", "5", "--symbols", "3"))
    content = yaml.safe_load(config.read_text())
    content["collector"]["spool_directory"] = str(directory / "spool")
    content["venues"] = {
        name: {
            **sim.addresses(name),
            "symbols": list(SYMBOLS.get(name, VENUES[name].symbols)),
            "data_types": list(VENUES[name].data_types),
        }
        for name in VENUES
    }
    config.write_text(yaml.safe_dump(content))
    collector = Collector(folders["collector"], config, HASTE)
    storage = StorageService(folders["storage"], config, load(config, environ={}), needs=clickhouse)
    with contextlib.ExitStack() as stack:
        for server in (sim, storage, collector):
            server.start()
            stack.callback(server.stop)
        stack.callback(collector.manager.close)
        watch = stack.enter_context(Watch(collector))
        yield Stage(sim, collector, clickhouse, Wire(truth), watch)
