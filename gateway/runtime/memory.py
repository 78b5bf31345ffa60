"""Keeps memory from growing with what is no longer used.

An embedded engine has a million objects, and Python looks for cycles only when a quarter as many new ones
have come: until then what libraries leave in cycles piles up. glibc, on top of that, keeps what threads
have freed. The engine's own objects are frozen when it is loaded, so that to look for cycles is to look at
what came since.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

_LOOK_S = 5.0
_MUCH = 64 * 1024 * 1024
"""Bytes that a process grows by before it is worth a look through its memory."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


async def watch_memory(look_s: float = _LOOK_S) -> None:
    """Runs until it is cancelled."""
    trim, settled = _trimmer(), resident()
    while True:
        await asyncio.sleep(look_s)
        if resident() - settled > _MUCH:
            gc.collect()
            await asyncio.to_thread(trim)
            settled = resident()


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def _trimmer() -> Callable[[], object]:
    """glibc's `malloc_trim`, which works beside the interpreter; other C libraries have none."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    return lambda: trim(0)
