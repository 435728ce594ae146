"""What tests do to a running pipeline beside killing it."""

import asyncio
import json
import random
import shutil
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nats.aio.client import Client as NatsClient

from marketprism.contract import wire
from marketprism.contract.catalog import DEAD_LETTERS, HOT_DATABASE
from tests.faults.rig import Rig
from tests.integration.conftest import api, connect

INTRUDER = "intruder"


@contextmanager
def small_disk(directory: Path, megabytes: int) -> Iterator[Path]:
    """Put a disk of its own under a directory; needs root."""
    directory.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(directory)], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


@contextmanager
def full(directory: Path) -> Iterator[None]:
    """Leave no byte free on the disk of a directory."""
    ballast = directory / "ballast"
    with ballast.open("wb") as file:
        file.truncate(0)
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=64k"], capture_output=True, check=False)
    try:
        yield
    finally:
        ballast.unlink()


def is_full(directory: Path) -> bool:
    """Tell whether no batch can be written to the disk of a directory any more."""
    return shutil.disk_usage(directory).free < 64 * 1024


def newest_part(rig: Rig) -> Path:
    """Name the folder of the part of trades that was inserted last."""
    return Path(
        rig.ask(
            f"SELECT path FROM system.parts WHERE active AND database = '{HOT_DATABASE}' AND table = 'trades'"
            " ORDER BY min_block_number DESC LIMIT 1"
        )
    )


def lose_part(rig: Rig, *, torn: bool) -> None:
    """Kill ClickHouse and take its newest part of trades away, or the end of it, as a power cut does."""
    part = newest_part(rig)
    rig.clickhouse.kill()
    if torn:
        data = part / "data.bin"
        data.write_bytes(data.read_bytes()[:-40])
    else:
        shutil.rmtree(part)


def flip_bit_of_a_trade(rig: Rig) -> None:
    """Change one bit in the last trades that a stopped NATS keeps, as a failing disk does."""
    (block,) = rig.nats.directory.glob("store/jetstream/*/streams/MARKET_DATA/msgs/*.blk")
    content = bytearray(block.read_bytes())
    content[content.rindex(b'"price":"') + len(b'"price":"')] ^= 1
    block.write_bytes(content)


def tear_spool(rig: Rig) -> None:
    """Take the last bytes of every file of the spool, as a write that was cut short leaves it."""
    files = [path for path in rig.collector.spool.iterdir() if path.stat().st_size]
    assert files, "nothing was spooled"
    for path in files:
        path.write_bytes(path.read_bytes()[:-7])


def with_nats(rig: Rig, user: str, work: Callable[[NatsClient], Awaitable[None]]) -> None:
    """Do something as a user of NATS."""

    async def run() -> None:
        client = await connect(rig.nats, user)
        try:
            await work(client)
        finally:
            await client.close()

    asyncio.run(run())


def publish(rig: Rig, messages: list[tuple[str, bytes]]) -> None:
    """Publish messages under new ids."""

    async def send(client: NatsClient) -> None:
        for number, (subject, payload) in enumerate(messages):
            headers = {wire.MESSAGE_ID_HEADER: f"{INTRUDER}-{time.time_ns()}:{number}"}
            answer = json.loads((await client.request(subject, payload, timeout=5, headers=headers)).data)
            assert "error" not in answer, answer

    with_nats(rig, "collector", send)


def stored_messages(rig: Rig, stream: str, most: int) -> list[tuple[str, bytes]]:
    """Read the last messages of a stream, without those of `publish`."""
    found: list[tuple[str, bytes]] = []

    async def read(client: NatsClient) -> None:
        state = (await api(client, f"STREAM.INFO.{stream}"))["state"]
        jetstream = client.jetstream()
        for sequence in range(max(state["first_seq"], state["last_seq"] - most), state["last_seq"] + 1):
            message = await jetstream.get_msg(stream, sequence)
            if not message.headers[wire.MESSAGE_ID_HEADER].startswith(INTRUDER):
                found.append((message.subject, message.data))

    with_nats(rig, "admin", read)
    return found


def corrupted(messages: list[tuple[str, bytes]], dice: random.Random) -> list[tuple[str, bytes]]:
    """Cut messages off, or set bytes of them to zero."""
    spoilt = []
    for subject, payload in messages:
        at = dice.randrange(1, len(payload) - 9)
        spoilt.append((subject, payload[:at] if at % 2 else payload[:at] + bytes(9) + payload[at + 9 :]))
    return spoilt


def dead_letters(rig: Rig) -> int:
    """Count the messages that were laid aside."""
    found = 0

    async def look(client: NatsClient) -> None:
        nonlocal found
        found = (await api(client, f"STREAM.INFO.{DEAD_LETTERS}"))["state"]["messages"]

    with_nats(rig, "admin", look)
    return found


def delete_stream(rig: Rig, name: str) -> None:
    """Delete a stream with everything in it, and make it anew with the product's command."""

    async def delete(client: NatsClient) -> None:
        answer = await api(client, f"STREAM.DELETE.{name}")
        assert answer.get("success"), answer

    with_nats(rig, "admin", delete)
    time.sleep(2)
    rig.command("streams", "apply")
