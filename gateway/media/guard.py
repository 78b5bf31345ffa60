"""The network below the fetcher: it connects to addresses that were checked, and to no others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from typing import Any, NoReturn

import httpcore

from gateway.errors import FETCH_FAILED, GatewayError
from gateway.media import addresses
from gateway.settings import FetchSettings

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""All IP addresses of a host and port. Raises `OSError`."""


async def resolve(host: str, port: int) -> list[str]:
    """By the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a host once, checks every address it has, and connects to one of just these.

    Above it, TLS and `Host` still use the host's name: a name that later leads elsewhere (DNS
    rebinding) changes nothing, since it is never looked up again for the same connection.
    """

    def __init__(self, settings: FetchSettings, resolve: Resolve = resolve) -> None:
        self._settings = settings
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises `GatewayError` for an address that is refused, `httpcore.ConnectError` if none answers."""
        async with asyncio.timeout(timeout):
            found = await self._look_up(host, port)
        failure: Exception = httpcore.ConnectError("no address")
        for address in found:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _look_up(self, host: str, port: int) -> list[str]:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise GatewayError(FETCH_FAILED, "The host of the address is not known.") from None
        for address in found:
            addresses.check(ip_address(address), self._settings)
        return found

    async def connect_unix_socket(self, path: str, *args: Any, **kwargs: Any) -> NoReturn:
        raise addresses.refused("it is a local socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
