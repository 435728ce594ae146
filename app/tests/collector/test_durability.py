"""What the monitor's answers mean; the real one is asked in tests/integration/test_collector_durability.py."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from marketprism.collector.durability import sync_warning

ALWAYS = b'{"config":{"store_dir":"/x","sync_interval":120000000000,"sync_always":true}}'
TENTH = b'{"config":{"store_dir":"/x","sync_interval":100000000}}'


class Monitor:
    """Answers /jsz with whatever the test wants."""

    def __init__(self) -> None:
        self.body = ALWAYS
        self.url = ""

    async def answer(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.body)


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    made = Monitor()
    app = web.Application()
    app.router.add_get("/jsz", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_a_server_that_syncs_always_needs_no_words(monitor: Monitor) -> None:
    assert await sync_warning(monitor.url) is None


async def test_an_interval_is_named_with_what_it_costs_and_the_remedy(monitor: Monitor) -> None:
    monitor.body = TENTH
    assert await sync_warning(monitor.url) == (
        "NATS syncs every 0.1 s: a power cut takes what was acknowledged since; set sync_interval: always"
    )


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b'{"config":{"sync_interval":"2m"}}'])
async def test_an_answer_that_cannot_be_read_is_said(monitor: Monitor, body: bytes) -> None:
    monitor.body = body
    assert str(await sync_warning(monitor.url)).startswith(f"whether NATS syncs is unknown: {monitor.url}/jsz: ")


async def test_a_monitor_that_is_away_is_said(monitor: Monitor) -> None:
    warning = await sync_warning("http://127.0.0.1:1")
    assert str(warning).startswith("whether NATS syncs is unknown: http://127.0.0.1:1/jsz: Cannot connect")
