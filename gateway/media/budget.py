"""What the media of one request may cost while they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.errors import TOO_LARGE, GatewayError

_AT_ONCE = 4
"""Media of one request that are read at the same time: none takes all connections to itself."""


class Budget:
    """Bytes that the media of one request may have together."""

    def __init__(self, limit: int) -> None:
        self._limit = self._left = limit
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def take(self, size: int) -> None:
        """Raises `GatewayError` where too few are left."""
        self._left -= size
        if self._left < 0:
            raise self._spent()

    async def read(
        self, work: Callable[[int], Coroutine[Any, Any, bytes]], limit: int, copies: int = 1
    ) -> bytes:
        """The outcome of `work(most bytes)`, taken from the budget as often as it is used.

        A read is given up where it goes over what was left as it began, rather than counted once it is
        in memory. Raises `GatewayError`.
        """
        async with self._turns:
            most = min(limit, self._left // copies)
            if most <= 0:
                raise self._spent()
            try:
                data = await work(most)
            except GatewayError as error:
                if error.code is TOO_LARGE and most < limit:
                    raise self._spent() from None
                raise
            self.take(copies * len(data))
            return data

    def _spent(self) -> GatewayError:
        return GatewayError(TOO_LARGE, f"The media together are larger than {self._limit / 1e6:g} MB.")
