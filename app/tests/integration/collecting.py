"""Simulated exchanges and the collector as processes of their own."""

import contextlib
import json
import socket
import sys
import urllib.request
from pathlib import Path
from typing import Any

from marketprism.contract.venues import VENUES
from marketprism.settings import load
from tests.integration.servers import Server, fetch, free_port


def command(function: str, *arguments: str) -> list[str]:
    code = f"import typer; from marketprism.cli.{function} import {function}; typer.run({function})"
    return [sys.executable, "-c", code, *arguments]


class SimServer(Server):
    """``marketprism sim`` with all venues.

    Args:
        options: More options of the command.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        super().__init__(directory)
        self.port = free_port()
        self.command = command("sim", "--port", str(self.port), "--state", str(directory / "state"), *options)

    def is_up(self) -> bool:
        return fetch(f"http://127.0.0.1:{self.port}/health")[0] == 200

    def inject(self, fault: str, **fields: object) -> None:
        """Inject a fault by the control port."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/control/faults",
            json.dumps({"fault": fault, **fields}).encode(),
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 201

    def venues(self) -> dict[str, dict[str, str]]:
        """Return the settings of all venues, at this server."""
        base = f"127.0.0.1:{self.port}"
        addresses = {name: base + {"binance-spot": "/spot", "binance-usdm": "/usdm"}.get(name, "") for name in VENUES}
        return {name: {"ws_url": f"ws://{at}", "rest_url": f"http://{at}"} for name, at in addresses.items()}


class Collector(Server):
    """The collector as a process, with the service manager's end of its notification socket."""

    def __init__(self, directory: Path, config: Path) -> None:
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
