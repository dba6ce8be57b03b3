"""A server on this machine that answers each path in its own way, most of them badly."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson

Answer = Callable[["Seen", asyncio.StreamWriter], Awaitable[None]]


class Seen:
    """A request as it came in."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, _ = first.split(" ")
        pairs = (line.partition(": ") for line in lines if line)
        self.headers = {name.lower(): value for name, _, value in pairs}
        self.body = body


class Server:
    """`answers` maps a path to what comes back; `seen` are the requests, `stalled` is set when one hangs."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answers: dict[str, Answer] = {}
        self.stalled = asyncio.Event()
        self.port = 0
        self._open: set[asyncio.Task[None]] = set()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def answer(self, path: str, raw: bytes) -> str:
        """These bytes, then the end of the connection."""

        async def write(_: Seen, writer: asyncio.StreamWriter) -> None:
            writer.write(raw)

        self.answers[path] = write
        return self.url(path)

    def reply(self, path: str, status: str, body: bytes = b"", **headers: str) -> str:
        """A whole and correct answer."""
        lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return self.answer(path, "\r\n".join([*lines, "", ""]).encode() + body)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                head = (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
                seen = Seen(head, b"")
                seen.body = await reader.readexactly(int(seen.headers.get("content-length", "0")))
                self.seen.append(seen)
                await self.answers[seen.target.partition("?")[0]](seen, writer)
                await writer.drain()
        finally:
            self._open.discard(task)
            writer.close()

    async def stop(self) -> None:
        for task in self._open:
            task.cancel()
        if self._open:
            await asyncio.wait(set(self._open))


async def echo(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """The request as JSON."""
    told = {"method": seen.method, "target": seen.target, "headers": seen.headers, "body": seen.body.decode()}
    body = orjson.dumps(told)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


async def reset(_: Seen, writer: asyncio.StreamWriter) -> None:
    """The beginning of an answer, then a reset of the connection."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    await writer.drain()
    _reset(writer)


async def reset_at_once(_: Seen, writer: asyncio.StreamWriter) -> None:
    _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    # With a linger time of 0 the system sends RST in place of FIN.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def flood(_: Seen, writer: asyncio.StreamWriter) -> None:
    """A gigabyte, as long as somebody takes it."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n")
    for _ in range(1_024):
        writer.write(bytes(1_048_576))
        await writer.drain()


def squeezed(size: int) -> bytes:
    """So many zeros in gzip, which is a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(bytes(size)) + packer.flush()


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()

    async def stall(_: Seen, writer: asyncio.StreamWriter) -> None:
        server.stalled.set()
        await asyncio.Event().wait()

    async def stall_midway(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        await stall(seen, writer)

    server.answers |= {
        "/echo": echo,
        "/reset": reset,
        "/reset-at-once": reset_at_once,
        "/flood": flood,
        "/stall": stall,
        "/stall-midway": stall_midway,
    }
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.stop()
        await listening.wait_closed()
