"""Memory does not grow with what is no longer used."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys

from gateway.runtime.ending import end
from gateway.runtime.memory import resident, watch_memory

MB = 1024 * 1024


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself, self.pixels = self, bytearray(b"x") * 100_000


async def _litter() -> None:
    """Leaves 200 MB of garbage in circles, and waits until it is gone."""
    gc.disable()
    watching = asyncio.create_task(watch_memory(look_s=0.01))
    await asyncio.sleep(0)
    before = resident()
    for _ in range(2000):
        Circle()
    assert resident() - before > 150 * MB, "nothing was left to collect"
    async with asyncio.timeout(20):
        while resident() - before > 60 * MB:
            await asyncio.sleep(0.01)
    await end([watching])


def test_garbage_in_circles_goes_back_to_the_system() -> None:
    """In a process of its own: one that has freed memory before would fill that first."""
    subprocess.run([sys.executable, __file__], check=True, timeout=60)


if __name__ == "__main__":
    asyncio.run(_litter())
