"""The one way out to addresses that clients give: media, documents, callbacks.

httpcore is used bare: it follows no redirect, reads no environment and unpacks nothing by itself.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import httpcore
import httpx
import msgspec

from gateway.errors import FETCH_FAILED, TOO_LARGE, GatewayError
from gateway.media import addresses
from gateway.media.guard import GuardedBackend, Resolve, resolve
from gateway.settings import FetchSettings

T = TypeVar("T")

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HEADERS = {"user-agent": "qwen-vl-gateway", "accept": "*/*", "accept-encoding": "identity"}


class Fetched(msgspec.Struct, frozen=True):
    data: bytes
    validators: dict[str, str] = {}
    """Headers that ask the host whether this is still what it has."""


class Fetcher:
    """Fetches public addresses within limits of bytes and time, over pooled connections."""

    def __init__(
        self, settings: FetchSettings, *, resolve: Resolve = resolve, tls: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._kept = Kept(int(settings.keep_mb * 1e6))
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=settings.max_connections,
            keepalive_expiry=30,
            network_backend=GuardedBackend(settings, resolve),
        )

    async def get(self, address: str, limit: int) -> bytes:
        """What lies under the address, at most `limit` bytes. Raises `GatewayError`."""
        if not self._settings.enabled:
            raise addresses.refused("this server fetches nothing")
        return await self._within(self._follow(addresses.parse(address, self._settings), limit))

    async def post(self, address: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Sends `body` and gives back the status. Redirects are not followed. Raises `GatewayError`."""
        if not self._settings.enabled:
            raise addresses.refused("this server calls no addresses")
        return await self._within(self._post(addresses.parse(address, self._settings), body, headers))

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _within(self, work: Coroutine[Any, Any, T]) -> T:
        """The outcome of `work` within the total time; the network's errors as ours."""
        try:
            async with asyncio.timeout(self._settings.total_timeout_s):
                return await work
        except (TimeoutError, httpcore.TimeoutException):
            raise GatewayError(FETCH_FAILED, "The host of the address did not answer in time.") from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            ssl.SSLError,
            OSError,
        ):
            raise GatewayError(FETCH_FAILED, "The host of the address cannot be reached.") from None

    async def _post(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> int:
        async with self._request("POST", url, headers, body) as response:
            return response.status

    async def _follow(self, url: httpx.URL, limit: int) -> bytes:
        """Each hop is a new address with checks and a connection of its own."""
        for _ in range(self._settings.max_redirects + 1):
            location, data = await self._hop(url, limit)
            if data is not None:
                return data
            try:
                target = str(url.join(location))
            except (httpx.InvalidURL, ValueError):
                raise GatewayError(FETCH_FAILED, "The address redirects to nowhere.") from None
            url = addresses.parse(target, self._settings)
        raise GatewayError(FETCH_FAILED, "The address redirects too often.")

    async def _hop(self, url: httpx.URL, limit: int) -> tuple[str, bytes | None]:
        """Where the address redirects to, or what it holds."""
        key = str(url)
        kept = self._kept.get(key)
        async with self._request("GET", url, kept.validators if kept else {}) as response:
            headers = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            if response.status in _REDIRECTS and "location" in headers:
                return headers["location"], None
            if response.status == 304 and kept:
                await response.aread()  # it has no body; read to its end, the connection can be used again
                if len(kept.data) > limit:
                    raise _too_large(limit)
                return "", kept.data
            data = await _read(response, headers, limit)
        self._kept.put(key, Fetched(data, _validators(headers)))
        return "", data

    def _request(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], body: bytes | None = None
    ) -> AbstractAsyncContextManager[httpcore.Response]:
        settings = self._settings
        timeouts = {
            "connect": settings.connect_timeout_s,
            "pool": settings.connect_timeout_s,
            "read": settings.idle_timeout_s,
            "write": settings.idle_timeout_s,
        }
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        host = url.netloc.decode("ascii")
        return self._pool.stream(
            method,
            target,
            headers=[*_HEADERS.items(), *headers.items(), ("host", host)],
            content=body,
            extensions={"timeout": timeouts},
        )


async def _read(response: httpcore.Response, headers: Mapping[str, str], limit: int) -> bytes:
    """The body of a good answer, given up as soon as it is known to be too large."""
    if response.status != 200:
        raise GatewayError(FETCH_FAILED, f"The host of the address answered with status {response.status}.")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise GatewayError(FETCH_FAILED, "The host of the address sent compressed data.")
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    data = bytearray()
    async for chunk in response.aiter_stream():
        data += chunk
        if len(data) > limit:
            raise _too_large(limit)
    return bytes(data)


def _too_large(limit: int) -> GatewayError:
    return GatewayError(TOO_LARGE, f"The file under the address is larger than {limit / 1e6:g} MB.")


def _validators(headers: Mapping[str, str]) -> dict[str, str]:
    pairs = (("etag", "if-none-match"), ("last-modified", "if-modified-since"))
    if "no-store" in headers.get("cache-control", ""):
        return {}
    return {asks: value for given, asks in pairs if (value := headers.get(given, "")) and value.isascii()}


class Kept:
    """The last fetched files that came with a validator, up to so many bytes; the least used go first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._files: OrderedDict[str, Fetched] = OrderedDict()

    def get(self, key: str) -> Fetched | None:
        if key in self._files:
            self._files.move_to_end(key)
        return self._files.get(key)

    def put(self, key: str, fetched: Fetched) -> None:
        if old := self._files.pop(key, None):
            self._size -= len(old.data)
        if not fetched.validators or len(fetched.data) > self._limit:
            return
        self._files[key] = fetched
        self._size += len(fetched.data)
        while self._size > self._limit:
            self._size -= len(self._files.popitem(last=False)[1].data)
