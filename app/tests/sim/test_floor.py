import pytest
from aiohttp import web

from marketprism.sim import floor as module
from marketprism.sim.connection import Connection
from marketprism.sim.faults import FAULTS
from marketprism.sim.floor import Floor
from marketprism.sim.hub import Hub
from marketprism.sim.injection import Faults, order
from marketprism.sim.instruments import MarketKind
from marketprism.sim.settings import SimSettings

SPOT, USDM = MarketKind.BINANCE_SPOT, MarketKind.BINANCE_USDM


class Silence:
    async def opened(self, connection: Connection) -> bool:
        return True

    async def heard(self, connection: Connection, message: object) -> bool:
        return True

    async def attend(self, connection: Connection) -> None: ...

    def frame(self, stream: str, event: bytes) -> bytes:
        return event

    def refused(self, status: int) -> web.Response:
        return web.Response(status=status)


@pytest.fixture
def floor() -> Floor:
    return Floor(SimSettings(), Hub(), Faults(FAULTS), None)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    now_ms = [1_700_000_000_000]
    monkeypatch.setattr(module, "time_ns", lambda: now_ms[0] * 1_000_000)
    return now_ms


async def connected(floor: Floor, *markets: MarketKind) -> Connection:
    client = Connection(floor.hub, markets, Silence(), queue_frames=10)
    floor.clients.add(client)
    return client


def test_the_clock_never_runs_backwards(floor: Floor, clock: list[int]) -> None:
    assert floor.now_ms(SPOT) == 1_700_000_000_000
    clock[0] -= 500
    assert floor.now_ms(USDM) == 1_700_000_000_000


def test_a_fault_shifts_the_clock_of_one_market_and_gives_it_back(floor: Floor, clock: list[int]) -> None:
    floor.faults.inject(order({"fault": "clock-skew", "venue": "binance-spot", "milliseconds": 90_000}))
    assert (floor.now_ms(SPOT), floor.now_ms(USDM)) == (1_700_000_090_000, 1_700_000_000_000)
    floor.faults.withdraw()
    assert floor.now_ms(SPOT) == 1_700_000_000_000


async def test_a_fault_hits_connections_of_its_market_the_oldest_first(floor: Floor) -> None:
    spot, usdm, both = [await connected(floor, *markets) for markets in ((SPOT,), (USDM,), (SPOT, USDM))]
    fault = floor.faults.inject(order({"fault": "close", "venue": "binance-spot", "count": 5}))
    assert floor.hit(fault) == [spot, both]
    floor.strike(floor.faults.inject(order({"fault": "close", "venue": "binance-usdm", "code": 1008})))
    assert [each.doom and each.doom[1] for each in (spot, usdm, both)] == [None, 1008, None]
    floor.strike(floor.faults.inject(order({"fault": "close-all", "after": 5})))
    assert {each.doom and each.doom[1] for each in floor.clients} == {1012}


async def test_what_is_not_served_is_not_found(floor: Floor) -> None:
    assert floor.market(MarketKind.OKX_SPOT, "BTC-USDT") is None
    assert floor.market(SPOT, "BTCUSDT") is None
