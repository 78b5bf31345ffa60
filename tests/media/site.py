"""A small HTTP server for tests, which counts who connects to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Answer = tuple[int, dict[str, str], bytes]
Page = Answer | Callable[[dict[str, str], asyncio.StreamWriter], Awaitable[Answer | None]]


class Site:
    """Answers each path with its page; a page may be a function that answers or writes by itself.

    It is given the headers, with the body among them under `body`.
    """

    def __init__(self, pages: dict[str, Page] | None = None) -> None:
        self.pages = pages or {}
        self.connections = 0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode(), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        path = first.split(" ")[1]
        headers["body"] = (await reader.readexactly(int(headers.get("content-length", 0)))).decode("latin-1")
        self.asked.append((path, headers))
        page = self.pages.get(path, (404, {}, b""))
        answer = await page(headers, writer) if callable(page) else page
        if answer is None:
            return
        status, given, body = answer
        given = {"content-length": str(len(body))} | given
        lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in given.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()


@asynccontextmanager
async def site(
    pages: dict[str, Page] | None = None, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Site]:
    """A site that listens on a free port of a loopback address."""
    served = Site(pages)
    server = await asyncio.start_server(served.serve, host, port)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
