"""Memory that all requests in progress share: what does not fit is refused before it is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import OVERLOADED, GatewayError

_RETRY_AFTER_S = 2


class Share:
    """What one request holds of the room."""

    __slots__ = ("_room", "taken")

    def __init__(self, room: Room) -> None:
        self._room = room
        self.taken = 0
        """Bytes."""

    def check(self, size: int) -> None:
        """Raises `GatewayError` where `size` bytes would not fit now."""
        if self._room.taken - self.taken + size > self._room.size:
            why = "The bodies of the requests in progress fill the memory set aside for them."
            raise GatewayError(OVERLOADED, why, retry_after=_RETRY_AFTER_S, headers={"connection": "close"})

    def grow(self, size: int) -> None:
        """Holds `size` bytes in all from now on. Raises `GatewayError` where they do not fit."""
        if size <= self.taken:
            return
        self.check(size)
        self._room.taken += size - self.taken
        self.taken = size


class Room:
    def __init__(self, size: float) -> None:
        self.size = size
        self.taken = 0
        """Bytes."""

    @contextmanager
    def share(self) -> Iterator[Share]:
        """A share that is given back at the end of the block."""
        share = Share(self)
        try:
            yield share
        finally:
            self.taken -= share.taken
