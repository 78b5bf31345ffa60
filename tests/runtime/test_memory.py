"""Memory does not grow with what is no longer used."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from gateway.runtime.ending import end
from gateway.runtime.memory import resident, watch_memory

MB = 1024 * 1024


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself, self.pixels = self, bytearray(b"x") * 100_000


@pytest.fixture
def settled() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_garbage_in_circles_goes_back_to_the_system(settled: None) -> None:
    watching = asyncio.create_task(watch_memory(look_s=0.01))
    await asyncio.sleep(0)
    before = resident()
    for _ in range(2000):
        Circle()
    assert resident() - before > 150 * MB
    async with asyncio.timeout(20):
        while resident() - before > 60 * MB:
            await asyncio.sleep(0.01)
    await end([watching])
