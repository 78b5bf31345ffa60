"""The first level: the latest answers in this process, for a few seconds.

The time is short on purpose: another process may have purged or replaced an answer, and this
level hears of it only by forgetting.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from gateway.cache.entry import Entry


class _Kept(msgspec.Struct, frozen=True):
    entry: Entry
    size: int
    until: float


class Memory:
    """Least recently used answers go first, once all together are larger than `max_bytes`."""

    def __init__(self, max_bytes: int, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_bytes = max_bytes
        self._ttl_s = ttl_s
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> Entry | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._clock():
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return kept.entry

    def put(self, key: str, entry: Entry, size: int, ttl_s: float) -> None:
        """Keep an entry of `size` bytes for `ttl_s` seconds at most."""
        self._forget(key)
        ttl_s = min(ttl_s, self._ttl_s)
        if ttl_s <= 0 or size > self._max_bytes:
            return
        self._kept[key] = _Kept(entry, size, self._clock() + ttl_s)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._kept)))

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def _forget(self, key: str) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._bytes -= kept.size
