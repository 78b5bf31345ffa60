"""One run, several listeners, and a buffer with an end."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import aclosing

import pytest

from engine.types import ChatChunk
from gateway.cache import flight as module
from gateway.cache.flight import Flights
from gateway.call import Call, Events
from tests.dispatch.house import call, settle

pytestmark = pytest.mark.anyio


class Source:
    """A run of numbered chunks that tells how far it was read."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.given = 0
        self.closed = False

    async def __call__(self, call: Call) -> Events:
        try:
            for number in range(self.length):
                self.given += 1
                yield ChatChunk(id=str(number), model="m", created=0)
                await asyncio.sleep(0)
        finally:
            self.closed = True


async def test_a_long_run_waits_for_its_slowest_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUFFER", 8)
    source, flights = Source(100), Flights()
    flight = flights.start(("key",), call(), source)
    async with aclosing(flight.listen(0)) as slow, aclosing(flight.listen(0)) as quick:
        seen = [(await anext(slow)).id]
        for _ in range(5):
            await anext(quick)
        await settle()
        assert source.given < 20, "no more than the buffer, and what the slow one has read"
        heard, rest = await asyncio.gather(_ids(slow), _ids(quick))
    assert seen + heard == [str(number) for number in range(100)]
    assert rest == [str(number) for number in range(5, 100)]


async def test_a_run_that_has_forgotten_its_beginning_is_not_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BUFFER", 4)
    source, flights = Source(100), Flights()
    flight = flights.start(("key",), call(), source)
    async with aclosing(flight.listen(0)) as only:
        assert flights.find(("key",)) is flight
        for _ in range(10):
            await anext(only)
        assert flights.find(("key",)) is None


async def test_the_last_listener_takes_the_run_with_it() -> None:
    source, flights = Source(100), Flights()
    flight = flights.start(("key",), call(), source)
    async with aclosing(flight.listen(0)) as only:
        await anext(only)
    await settle()
    assert source.closed
    assert len(flights) == 0


async def test_the_deadline_of_a_run_is_the_latest_of_its_listeners() -> None:
    own = call()
    flight = Flights().start(None, own, Source(1))
    latest = own.deadline + 50
    for deadline in (own.deadline - 5, latest, own.deadline - 1):
        async with aclosing(flight.listen(deadline)) as events:
            await anext(events)
    assert own.deadline == latest


async def test_what_a_run_held_is_free_as_soon_as_it_is_over() -> None:
    flights = Flights()
    flight = flights.start(("key",), call(), Source(3))
    gc.disable()  # pictures are large, and the collector is seldom there
    try:
        await _ids(flight.listen(0))
        await settle()
        gone = weakref.ref(flight)
        del flight
        assert gone() is None
    finally:
        gc.enable()


async def _ids(events: Events) -> list[str]:
    return [event.id async for event in events if isinstance(event, ChatChunk)]
