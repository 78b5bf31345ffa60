"""The store of what must not be lost: it never evicts, and every write is on disk before it is answered."""

from __future__ import annotations

from pathlib import Path

from redis.asyncio import Redis

from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey, socket_path

_DURABLE = {"maxmemory-policy": "noeviction", "appendfsync": "always"}


class StateStore:
    """`url` is `none`, `embedded` (a Valkey of the gateway's own in `folder`), or an address.

    Whoever needs the store checks `enabled` first; a store that is away raises `redis.RedisError`
    at each use, within `timeout_s` seconds.
    """

    def __init__(self, url: str, folder: Path, timeout_s: float) -> None:
        self.enabled = url != "none"
        self._server = EmbeddedValkey(folder, **_DURABLE) if url == "embedded" else None
        address = f"unix://{socket_path(folder)}" if url == "embedded" else url
        self._client = connect(address, timeout_s) if self.enabled else None
        self._started = False

    @property
    def redis(self) -> Redis:
        assert self._client is not None, "the state store is switched off"
        return self._client

    async def start(self) -> None:
        """Returns when an embedded store answers; at once where it does already. Raises `OSError` or
        `ValkeyServerError` where it cannot."""
        if self._server is not None and not self._started:
            await self._server.start()
        self._started = True

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
        if self._server is not None:
            await self._server.aclose()
