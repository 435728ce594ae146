"""Tiny real proxies. Each sends every host to this machine, and keeps what it was asked for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HOST = "exchange.example"
"""What only the proxies can resolve: whoever reaches it came through one."""


@dataclass
class Proxy:
    """A running proxy.

    Attributes:
        targets: ``host:port`` of every connection, in order.
        users: ``user:password`` as sent, or the header's value.
    """

    port: int = 0
    targets: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, first: bytes = b"") -> None:
    there, back = await asyncio.open_connection("127.0.0.1", port)
    back.write(first)
    await asyncio.gather(_pipe(reader, back), _pipe(there, writer))


@asynccontextmanager
async def _serving(
    proxy: Proxy, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> AsyncIterator[Proxy]:
    running: set[asyncio.Task[None]] = set()

    async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await serve(reader, writer)
        finally:
            running.discard(task)
            writer.close()

    server = await asyncio.start_server(tracked, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def http_proxy() -> AsyncIterator[Proxy]:
    """Serve CONNECT, and GET of whole addresses."""
    proxy = Proxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        line, *headers = head.split("\r\n")
        method, target, _ = line.split(" ")
        address = target.removeprefix("http://").partition("/")[0]
        proxy.targets.append(address)
        proxy.users += [h.partition(": ")[2] for h in headers if h.lower().startswith("proxy-authorization")]
        port = int(address.rpartition(":")[2])
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _join(reader, writer, port)
        else:
            origin = head.replace(f"http://{address}", "", 1)
            await _join(reader, writer, port, origin.encode())

    async with _serving(proxy, serve):
        yield proxy


@asynccontextmanager
async def socks5_proxy() -> AsyncIterator[Proxy]:
    """Serve CONNECT of SOCKS 5 (RFC 1928) to names, with user and password (RFC 1929) where they are offered."""
    proxy = Proxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        with_user = 2 in methods
        writer.write(b"\x05\x02" if with_user else b"\x05\x00")
        if with_user:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            proxy.users.append(f"{user.decode()}:{password.decode()}")
            writer.write(b"\x01\x00")
        kind = (await reader.readexactly(4))[3]
        assert kind == 3, "a name, which is resolved here"
        name = await reader.readexactly((await reader.readexactly(1))[0])
        port = int.from_bytes(await reader.readexactly(2), "big")
        proxy.targets.append(f"{name.decode()}:{port}")
        writer.write(b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")
        await _join(reader, writer, port)

    async with _serving(proxy, serve):
        yield proxy
