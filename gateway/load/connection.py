"""One kept-alive HTTP/1.1 connection that costs so little that it does not measure itself."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import cast
from urllib.parse import urlsplit

import httptools
import msgspec


class Target(msgspec.Struct, frozen=True):
    """Where requests go."""

    host: str
    port: int
    tls: bool
    prefix: str
    """Path before the endpoint's own, without a slash at its end."""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, url: str, key: str | None = None) -> Target:
        """Raises `ValueError` for what is no HTTP address."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address of a server")
        tls = parts.scheme == "https"
        headers = (("authorization", f"Bearer {key}"),) if key else ()
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls, parts.path.rstrip("/"), headers)

    def message(self, path: str, body: bytes) -> bytes:
        """A whole POST request, ready to be written."""
        lines = [
            f"POST {self.prefix}{path} HTTP/1.1",
            f"host: {self.host}:{self.port}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Exchange(msgspec.Struct):
    """What came back for one request; times are of `time.perf_counter`."""

    status: int = 0
    first: float = 0.0
    """When the first byte of the body came."""
    last: float = 0.0
    arrivals: list[float] = []
    """When each piece of the body came."""
    body: list[bytes] = []
    cache: str = ""
    """The reply's `X-Cache`."""
    degraded: bool = False


class Connection(asyncio.Protocol):
    """Sends one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._exchange = Exchange()
        self._done: asyncio.Future[Exchange] | None = None
        self._keep = True

    @classmethod
    async def open(cls, target: Target) -> Connection:
        """Raises `OSError` where nobody listens."""
        context = ssl.create_default_context() if target.tls else None
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, target.host, target.port, ssl=context)
        return connection

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing() and self._keep

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def ask(self, message: bytes) -> Exchange:
        """Raises `ConnectionError` where the server breaks off."""
        assert self._transport is not None
        self._exchange = Exchange()
        self._parser = httptools.HttpResponseParser(self)
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        return await self._done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"x-cache":
            self._exchange.cache = value.decode()
        elif name == b"x-degraded":
            self._exchange.degraded = True

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self._exchange.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        now = time.perf_counter()
        exchange = self._exchange
        exchange.first = exchange.first or now
        exchange.arrivals.append(now)
        exchange.body.append(data)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        self._exchange.last = time.perf_counter()
        self._keep = self._parser.should_keep_alive()
        if self._done is not None and not self._done.done():
            self._done.set_result(self._exchange)


class Connections:
    """As many as are in use at once, kept for the next request."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._idle: list[Connection] = []

    async def ask(self, message: bytes) -> Exchange:
        """Raises `OSError` (`ConnectionError` included) where there is no answer."""
        connection = self._take() or await Connection.open(self.target)
        try:
            exchange = await connection.ask(message)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return exchange

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None
