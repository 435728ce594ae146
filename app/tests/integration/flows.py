"""A flow of trades with a ledger, and the storage service as a process of its own."""

import asyncio
import itertools
import os
import random
import sys
import time
from pathlib import Path

import nats.errors
from nats.aio.client import Client as NatsClient

from marketprism.contract import wire
from marketprism.contract.catalog import subject
from marketprism.contract.events import Side, Trade, TradeIdKind
from marketprism.contract.instruments import Exchange, Instrument, Market, Source
from marketprism.settings import Settings
from tests.integration.servers import Server, fetch

BTC = Instrument(exchange=Exchange.BINANCE, market=Market.SPOT, symbol="BTC-USDT", name="BTCUSDT")
PER_MESSAGE = 20
IN_FLIGHT = 50
_boots = itertools.count()


class StorageService(Server):
    """``marketprism storage --mode hot``, or cold.

    Args:
        needs: A server that may have ended with a killed service, and is started again before this one is.
    """

    def __init__(
        self, directory: Path, config_file: Path, settings: Settings, mode: str = "hot", needs: Server | None = None
    ) -> None:
        super().__init__(directory)
        self._needs = needs
        port = settings.storage.hot_port if mode == "hot" else settings.storage.cold_port
        self.url = f"http://127.0.0.1:{port}"
        self.command = [sys.executable, "-m", "marketprism", "storage", "--mode", mode]
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),  # the code under test, wherever it is
            "MARKETPRISM_CONFIG": str(config_file),
            "STATE_DIRECTORY": str(directory),
        }

    def is_up(self) -> bool:
        if self._needs is not None:
            self._needs.revive()
        return fetch(f"{self.url}/ready")[0] == 200

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples with these labels."""
        body = fetch(f"{self.url}/metrics")[1]
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(line.rpartition(" ")[2])
            for line in body.splitlines()
            if line.startswith((f"{name}{{", f"{name} ")) and all(label in line for label in wanted)
        )


def trade(trade_id: int, *, price: str = "1.5", quantity: str = "2", now_us: int | None = None) -> Trade:
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    return Trade(
        id_kind=TradeIdKind.FILL,
        trade_id=trade_id,
        first_fill_id=trade_id,
        last_fill_id=trade_id,
        price=price,
        quantity=quantity,
        side=Side.BUY if trade_id % 2 else Side.SELL,
        timestamp_us=now_us,
        event_us=now_us + 3,
        receive_ns=now_us * 1000 + 5_000_000,
    )


class Publisher:
    """Publishes envelopes with message ids, and again until each is acknowledged; keeps the ledger."""

    def __init__(self, client: NatsClient, instrument: Instrument = BTC, seed: int = 1) -> None:
        self.client = client
        self._instrument = instrument
        self._random = random.Random(seed)
        self._boot = f"test{next(_boots)}-{time.time_ns()}"
        self._counter = 0
        self.ledger: list[Trade] = []

    async def publish(self, trades: list[Trade]) -> None:
        payload = wire.encode("trade", Source.SIMULATED, self._instrument, trades)
        await self.send(subject("trade", self._instrument), payload)
        self.ledger += trades

    async def send(self, name: str, payload: bytes) -> None:
        self._counter += 1
        headers = {wire.MESSAGE_ID_HEADER: wire.message_id(self._boot, self._counter)}
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = await self.client.request(name, payload, timeout=2, headers=dict(headers))
            except (nats.errors.Error, TimeoutError):
                assert time.monotonic() < deadline, "NATS does not come back"
                await asyncio.sleep(0.2)
                continue
            assert b'"error"' not in answer.data, answer.data
            return

    async def random_flow(self, events: int) -> None:
        """Publish random trades; messages are in flight together and may change places."""
        first = len(self.ledger) + 1
        batches = [
            [self._random_trade(trade_id) for trade_id in range(start, min(start + PER_MESSAGE, first + events))]
            for start in range(first, first + events, PER_MESSAGE)
        ]
        limit = asyncio.Semaphore(IN_FLIGHT)

        async def one(trades: list[Trade]) -> None:
            async with limit:
                await self.publish(trades)

        async with asyncio.TaskGroup() as group:
            for trades in batches:
                group.create_task(one(trades))

    def _random_trade(self, trade_id: int) -> Trade:
        price = f"{self._random.randrange(10**6)}.{self._random.randrange(10**12):012d}"
        return trade(trade_id, price=price, quantity=f"0.{self._random.randrange(10**8):08d}")
