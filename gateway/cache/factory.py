"""From the configuration to the store of answers."""

from __future__ import annotations

from pathlib import Path

from gateway.cache.base import Store, StoreError
from gateway.cache.redis import RedisStore
from gateway.settings import CacheSettings
from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey, socket_path


async def open_store(settings: CacheSettings, folder: Path) -> Store:
    """The store that the cache works with; an embedded one lives in `folder`.

    Nobody else may need it yet: an address that does not answer is no error here. Raises
    `ValkeyServerError` or `OSError` where the embedded one does not start.
    """
    if settings.url != "embedded":
        return RedisStore(connect(settings.url, settings.timeout_ms / 1000))
    server = EmbeddedValkey(
        folder,
        maxmemory=f"{settings.embedded_mb}mb",
        **{"maxmemory-policy": "allkeys-lru", "appendfsync": "everysec"},
    )
    await server.start()
    return EmbeddedStore(server, settings.timeout_ms / 1000)


def existing_store(settings: CacheSettings, folder: Path, timeout_s: float) -> Store:
    """The store of a gateway that may be running, for tools beside it. Raises `StoreError`."""
    if settings.url == "none":
        raise StoreError("The cache is switched off (cache.url is none).")
    if settings.url != "embedded":
        return RedisStore(connect(settings.url, timeout_s))
    return RedisStore(connect(f"unix://{socket_path(folder)}", timeout_s))


class EmbeddedStore(RedisStore):
    """Owns the server it talks to."""

    def __init__(self, server: EmbeddedValkey, timeout_s: float) -> None:
        super().__init__(connect(server.url, timeout_s))
        self.server = server

    async def aclose(self) -> None:
        await super().aclose()
        await self.server.aclose()
