"""Whatever answers is evidence, and so is silence."""

import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from marketprism.ops.doctor.sources import faces


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"details": {"stale": ["x"]}}, status=503)

    async def ping(_request: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/ping", ping)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_json_and_text_are_taken_with_their_status(address: str) -> None:
    async with aiohttp.ClientSession() as http:
        found = await faces.ask_all(http, {"storage_hot": f"{address}/health", "clickhouse_http": f"{address}/ping"})
    assert (found["storage_hot"].status, found["storage_hot"].body) == (503, {"details": {"stale": ["x"]}})
    assert (found["clickhouse_http"].status, found["clickhouse_http"].text) == (200, "Ok.\n")


async def test_a_closed_port_is_silence_with_its_reason() -> None:
    async with aiohttp.ClientSession() as http:
        face = await faces.ask(http, "http://127.0.0.1:1/health")
    assert face.status == 0
    assert "Connect call failed" in face.error


async def test_a_process_that_accepts_and_says_nothing_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # the kernel accepts for it
        async with aiohttp.ClientSession() as http:
            face = await faces.ask(http, f"http://127.0.0.1:{frozen.getsockname()[1]}/health")
    assert (face.status, face.error) == (0, "nothing within 0 s")
