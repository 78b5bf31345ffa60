"""How much room a machine has left."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_FRESH_S = 0.5
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")

T = TypeVar("T")


def free_memory_mb() -> float | None:
    """Memory in MB that this process may still take: the host's, or its container's where that is
    less; `None` where the system does not say."""
    known = [value for value in (_host_free_mb(), _container_free_mb()) if value is not None]
    return min(known, default=None)


def _host_free_mb() -> float | None:
    try:
        lines = _MEMINFO.read_text().splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return next((int(kb) / 1000 for kb in found), None)


def _container_free_mb() -> float | None:
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = (_CGROUP / "memory.current").read_text()
        cached = (_CGROUP / "memory.stat").read_text().partition("\ninactive_file ")[2].split()[0]
    except (OSError, IndexError):
        return None
    return None if limit == "max" else (int(limit) - int(used) + int(cached)) / 1e6


class Sampled(Generic[T]):
    """A figure that is read at most twice a second, however often it is asked for."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._value: T
        self._until = 0.0

    def __call__(self) -> T:
        if (now := time.monotonic()) >= self._until:
            self._value, self._until = self._read(), now + _FRESH_S
        return self._value
