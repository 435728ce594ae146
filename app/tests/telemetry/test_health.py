import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, Counter

from marketprism.errors import ConfigurationError, UnavailableError
from marketprism.telemetry.health import HealthServer, Report


class Service:
    def __init__(self) -> None:
        self.report = Report(live=True, ready=True, healthy=True, details={"a": 1})
        self.registry = CollectorRegistry()
        self.server = HealthServer(bind="127.0.0.1", port=0, registry=self.registry, report=lambda: self.report)

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    await service.server.start()
    yield service
    await service.server.stop()


async def test_a_sound_service_answers_200_everywhere(service: Service) -> None:
    for path in ("/live", "/ready", "/health"):
        assert await service.get(path) == (200, '{"live":true,"ready":true,"healthy":true,"details":{"a":1}}')


@pytest.mark.parametrize(
    ("report", "statuses"),
    [
        (Report(live=True, ready=True, healthy=False, details={}), (200, 200, 503)),
        (Report(live=True, ready=False, healthy=False, details={}), (200, 503, 503)),
        (Report(live=False, ready=False, healthy=False, details={}), (503, 503, 503)),
    ],
)
async def test_each_endpoint_fails_for_its_own_reason(
    service: Service, report: Report, statuses: tuple[int, int, int]
) -> None:
    service.report = report
    assert tuple([(await service.get(path))[0] for path in ("/live", "/ready", "/health")]) == statuses


async def test_metrics_come_from_the_given_registry(service: Service) -> None:
    Counter("marketprism_demo", "Demo.", registry=service.registry).inc(3)
    status, text = await service.get("/metrics")
    assert status == 200
    assert "marketprism_demo_total 3.0" in text


async def test_a_taken_port_is_named_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        server = HealthServer(
            bind="127.0.0.1", port=port, registry=CollectorRegistry(), report=lambda: Report(True, True, True, {})
        )
        with pytest.raises(UnavailableError, match=f"port {port} on 127.0.0.1 is taken; see by whom"):
            await server.start()


async def test_an_address_of_another_machine_is_a_configuration_error() -> None:
    server = HealthServer(
        bind="192.0.2.1", port=0, registry=CollectorRegistry(), report=lambda: Report(True, True, True, {})
    )
    with pytest.raises(ConfigurationError, match=r"cannot listen on 192\.0\.2\.1"):
        await server.start()


async def test_stopping_frees_the_port(service: Service) -> None:
    await service.server.stop()
    with pytest.raises(aiohttp.ClientConnectionError):
        async with asyncio.timeout(5):
            await service.get("/live")
