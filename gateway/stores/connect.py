"""An address to a client: a single server, TLS, a Unix socket, or a Sentinel set."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

_PLAIN = ("redis", "rediss", "unix")
_SENTINEL = ("redis+sentinel", "rediss+sentinel")


def connect(url: str, timeout_s: float, connections: int = 32) -> Redis:
    """A client for `url`; nothing is sent yet. No command, waiting for a free connection
    included, takes much longer than `timeout_s` seconds, and none is sent twice.

    Addresses: `redis://`, `rediss://` (TLS), `unix://`, and for a master that Sentinels name
    `redis+sentinel://[user:password@]host:port[,host:port…]/name[/db]`, also with `rediss`. Options
    follow a question mark, such as `ssl_ca_certs=/path/ca.pem` or `sentinel_password=…`.
    Raises `ValueError` for any other.
    """
    url = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
    scheme = url.partition("://")[0]
    options: dict[str, Any] = {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
    }
    if scheme in _SENTINEL:
        return _master(url, options, connections)
    if scheme not in _PLAIN:
        raise ValueError(f"a store's address begins with {', '.join((*_PLAIN, *_SENTINEL))}, not {scheme!r}")
    pool = _Pool.from_url(url, max_connections=connections, timeout=timeout_s, **options)
    return Redis.from_pool(pool)


class _Pool(BlockingConnectionPool):
    """All its connections share one TLS context: making one reads every authority's certificate, which
    would hold up the event loop for 20 ms a connection."""

    _tls: Any = None

    def make_connection(self) -> Any:
        connection: Any = super().make_connection()  # type: ignore[no-untyped-call]
        if hasattr(connection, "ssl_context"):
            self._tls = self._tls or connection.ssl_context
            connection.ssl_context = self._tls
        return connection


class _MasterPool(SentinelConnectionPool, _Pool):
    """Connections to the master. One more than allowed waits for its turn, as in a plain pool."""

    _asking: asyncio.Task[Any] | None = None

    async def get_master_address(self) -> Any:
        """The Sentinels are asked once, however many connections want to know."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(super().get_master_address())  # type: ignore[no-untyped-call]
        return await asyncio.shield(self._asking)

    async def release(self, connection: Any) -> None:
        """One that was in use while the master changed would go on reading from what is a replica now,
        and fail at its next write."""
        if (connection.host, connection.port) != self.master_address:
            connection.mark_for_reconnect()
        await super().release(connection)

    async def aclose(self) -> None:
        """Those to the Sentinels too."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def _master(url: str, options: dict[str, Any], connections: int) -> Redis:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    name, _, database = parts.path.strip("/").partition("/")
    if not hosts or not name:
        raise ValueError(
            "a Sentinel address names its hosts and its master: redis+sentinel://host:26379/name"
        )
    plain = parts.scheme.partition("+")[0]
    own: dict[str, Any] = dict(
        parse_url(urlunsplit((plain, f"{credentials}@host", f"/{database}", parts.query, "")))
    )
    del own["host"]
    own.pop("connection_class", None)
    tls = {key: value for key, value in own.items() if key.startswith("ssl")} | {"ssl": plain == "rediss"}
    login = {key: own.pop(f"sentinel_{key}", None) for key in ("username", "password")}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [_host(host) for host in hosts.split(",")], sentinel_kwargs=options | tls | login
    )
    pool: dict[str, Any] = {"max_connections": connections, "timeout": options["socket_timeout"]}
    master: Redis = sentinel.master_for(name, connection_pool_class=_MasterPool, **pool | options | own | tls)
    return master


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "26379")
    return host, int(port)
