"""The collector and the simulated exchanges as processes of their own."""

import contextlib
import json
import socket
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from marketprism.contract.venues import VENUES
from marketprism.settings import load
from tests.integration.servers import Server, fetch, free_port


def collect_from(sim: "SimServer", config: Path, spool: Path, venues: Mapping[str, Mapping[str, Any]]) -> None:
    """Let a configuration collect from the simulator.

    Args:
        sim: The simulator.
        config: The file; it is changed.
        spool: Where events wait for NATS.
        venues: Further settings of each venue that is collected; the others are not enabled.
    """
    content = yaml.safe_load(config.read_text())
    content["collector"]["spool_directory"] = str(spool)
    content["venues"] = {
        name: {**sim.addresses(name), **venues[name]} if name in venues else {"enabled": False} for name in VENUES
    }
    config.write_text(yaml.safe_dump(content))


def command(function: str, *arguments: str) -> list[str]:
    code = f"import typer; from marketprism.cli.{function} import {function}; typer.run({function})"
    return [sys.executable, "-c", code, *arguments]


class SimServer(Server):
    """All simulated exchanges.

    Args:
        options: Further options of ``marketprism sim``.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.command = command("sim", "--port", str(self.port), "--state", str(directory / "state"), *options)

    def inject(self, **order: Any) -> int:
        """Let a fault begin; its number."""
        return int(self.desk("POST", json.dumps(order).encode())["id"])

    def desk(self, method: str, body: bytes | None = None, query: str = "") -> dict[str, Any]:
        """Call the path under which faults are injected, listed and withdrawn."""
        url = f"http://127.0.0.1:{self.port}/control/faults{query}"
        request = urllib.request.Request(url, data=body, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read())

    def addresses(self, venue: str) -> dict[str, str]:
        """Return the settings with which a venue is reached there."""
        address = f"127.0.0.1:{self.port}" + {"binance-spot": "/spot", "binance-usdm": "/usdm"}.get(venue, "")
        return {"ws_url": f"ws://{address}", "rest_url": f"http://{address}"}

    def is_up(self) -> bool:
        return fetch(f"http://127.0.0.1:{self.port}/health")[0] == 200


class Collector(Server):
    """The collector as a process, with the service manager's end of its notification socket.

    Args:
        prelude: Code that runs before it is imported.
    """

    def __init__(self, directory: Path, config: Path, prelude: str = "") -> None:
        super().__init__(directory)
        settings = load(config, environ={})
        self.url = f"http://127.0.0.1:{settings.collector.health_port}"
        self.metrics_url = f"http://127.0.0.1:{settings.collector.metrics_port}/metrics"
        self.config = config
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(directory / "notify"))
        self.manager.setblocking(False)
        self._told: list[str] = []
        environment = {"MARKETPRISM_CONFIG": str(config), "NOTIFY_SOCKET": str(directory / "notify")}
        self.command = ["env", *(f"{name}={value}" for name, value in environment.items()), *command("collector")]
        self.command[-1] = prelude + self.command[-1]

    def is_up(self) -> bool:
        return self.status("/live") == 200

    def status(self, path: str = "/health") -> int:
        return fetch(self.url + path)[0]

    def details(self) -> dict[str, Any]:
        return json.loads(fetch(f"{self.url}/health")[1])["details"]

    def books(self) -> list[str]:
        return [state for venue in self.details()["venues"].values() for state in venue["books"].values()]

    def metric(self, *starts: str) -> float:
        """The sum of all series that begin like this."""
        lines = fetch(self.metrics_url)[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(starts))

    def told(self) -> str:
        """Everything that it has told the service manager."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._told.append(self.manager.recv(4096).decode())
        return "\n".join(self._told)

    def log(self) -> str:
        return (self.directory / "log").read_text()
