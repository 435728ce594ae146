"""The command as a process: what systemd and an operator see."""

import asyncio
import os
import signal
import socket as sockets
import sys
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect

from tests.sim.conftest import receive_rest

START = "import typer; from marketprism.cli.sim import sim; typer.run(sim)"


async def test_ready_is_told_to_systemd_and_sigterm_ends_it(tmp_path: Path) -> None:
    with sockets.socket(sockets.AF_UNIX, sockets.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        state = tmp_path / "state.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", START, "--port", "0", "--state", str(state)),
            env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            message = await asyncio.to_thread(systemd.recv, 1024)
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                _, log = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert message == b"READY=1"
    assert process.returncode == 0
    assert b'"sim.stopped"' in log
    assert b'"clean":true' in state.read_bytes()


async def test_a_recording_that_breaks_off_ends_the_process_with_its_name(tmp_path: Path) -> None:
    frame = '{"stream":"btcusdt@trade","data":{"m":true,"M":true}}'
    broken = tmp_path / "recorded"
    broken.write_text(f"1 {frame}\n" * 30_000 + "2 {\n")
    options = ["--port", "0", "--replay", str(broken), "--speed", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, *options, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        port = msgspec.json.decode(await process.stderr.readline())["port"]
        async with connect(f"ws://127.0.0.1:{port}/spot/ws/btcusdt@trade", proxy=None) as client:
            received = await receive_rest(client)
        _, error = await process.communicate()
    assert process.returncode == 1
    assert len(received) == 30_000
    assert b"at line 30001" in error


@pytest.mark.parametrize("arguments", [["--rate", "501"], ["--market", "options"], ["--replay", "/no/such/file"]])
async def test_wrong_options_are_refused(arguments: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", START, *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert arguments[0].encode() in error
