"""As many connections to a server as are in use at once, kept for the next request."""

from __future__ import annotations

import asyncio
import ssl

from engine.http.connection import Connection
from engine.http.origin import Origin


class Unreachable(OSError):
    """No connection could be made."""


class Pool:
    def __init__(self, origin: Origin, connect_timeout_s: float) -> None:
        self.origin = origin
        self._connect_timeout_s = connect_timeout_s
        self._tls = ssl.create_default_context() if origin.tls else None
        self._idle: list[Connection] = []

    async def take(self, *, new: bool = False) -> Connection:
        """An idle connection, or a new one; with `new`, a new one in any case.

        Raises `Unreachable`.
        """
        while self._idle and not new:
            connection = self._idle.pop()
            if connection.idle:
                return connection
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._connect()
        except OSError as error:
            raise Unreachable(f"{self.origin.host} cannot be reached") from error

    def give_back(self, connection: Connection) -> None:
        """One whose reply is complete is kept, any other is closed: that aborts its request."""
        if connection.idle:
            self._idle.append(connection)
        else:
            connection.close()

    async def _connect(self) -> Connection:
        loop, origin = asyncio.get_running_loop(), self.origin
        _, connection = await loop.create_connection(Connection, origin.host, origin.port, ssl=self._tls)
        return connection

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()
