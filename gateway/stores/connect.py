"""An address to a client: a single server, TLS, a Unix socket, or a Sentinel set."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

_PLAIN = ("redis", "rediss", "unix")
_SENTINEL = ("redis+sentinel", "rediss+sentinel")


def connect(url: str, timeout_s: float, connections: int = 32) -> Redis:
    """A client for `url`; nothing is sent yet. No command, waiting for a free connection
    included, takes much longer than `timeout_s` seconds, and none is sent twice.

    Addresses: `redis://`, `rediss://` (TLS), `unix://`, and for a master that Sentinels name
    `redis+sentinel://[user:password@]host:port[,host:port…]/name[/db]`, also with `rediss`.
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
    pool = BlockingConnectionPool.from_url(url, max_connections=connections, timeout=timeout_s, **options)
    return Redis.from_pool(pool)


def _master(url: str, options: dict[str, Any], connections: int) -> Redis:
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    name, _, database = parts.path.strip("/").partition("/")
    if not hosts or not name:
        raise ValueError(
            "a Sentinel address names its hosts and its master: redis+sentinel://host:26379/name"
        )
    own: dict[str, Any] = {
        **options,
        "username": unquote(user) or None,
        "password": unquote(password) or None,
        "db": int(database or 0),
        "ssl": parts.scheme.startswith("rediss"),
        "max_connections": connections,
    }
    hosts_and_ports = [_host(host) for host in hosts.split(",")]
    sentinel = Sentinel(hosts_and_ports, sentinel_kwargs=options)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(name, **own)
    return master


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text else (text, "", "26379")
    return host, int(port)
