"""One run of the engine that several callers listen to.

A task of its own (the pump) reads the run, so that no caller's end is the end of the others'.
Each listener reads the buffer at its own pace: one that joins late finds the tokens so far at
once. The last one to leave takes the pump down with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from engine.types import ChatChunk
from gateway.call import Call, Event, Events, Notes

_BUFFER = 4096
"""Events that are kept for listeners. A run that is longer takes no more of them, forgets what all
have read, and waits for the slowest while it is this far behind."""


class _Listener:
    __slots__ = ("next", "pays", "woken")

    def __init__(self, pays: Callable[[], None]) -> None:
        self.pays = pays
        self.next = 0
        """Number of the event to read next."""
        self.woken = asyncio.Event()


class Flight:
    """`call` is the run's own: its deadline becomes the latest of all listeners', and its notes
    are theirs too."""

    def __init__(self, call: Call, run: Callable[[Call], Events], ended: Callable[[Flight], None]) -> None:
        self._call = call
        self._run = run
        self._ended = ended
        self._events: list[Event] = []
        self._forgotten = 0
        self._listeners: dict[_Listener, None] = {}
        """In the order in which they came. The first one pays for the run."""
        self._room = asyncio.Event()
        self._over = False
        self._error: Exception | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def notes(self) -> Notes:
        return self._call.notes

    @property
    def fresh(self) -> bool:
        """Whether it has not begun: the next listener starts it."""
        return self._pump is None

    @property
    def takes_more(self) -> bool:
        """Whether a new listener would miss nothing."""
        return not self._over and not self._forgotten

    @property
    def last(self) -> ChatChunk | None:
        """The last chunk of a run that came to its end."""
        chunk = self._events[-1] if self._over and self._error is None and self._events else None
        return chunk if isinstance(chunk, ChatChunk) and chunk.usage is not None else None

    async def listen(
        self, deadline: float, pays: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[Event, None]:
        """All events of the run, from its first on. The first listener starts it, and pays for it; where
        it leaves before the end, the next one does, whose `pays` is called."""
        listener = _Listener(pays)
        self._listeners[listener] = None
        self._call.deadline = max(self._call.deadline, deadline)
        if self._pump is None:
            self._pump = asyncio.create_task(self._read())
        try:
            while await self._has_more(listener):
                event = self._events[listener.next - self._forgotten]
                listener.next += 1
                self._room.set()
                yield event
        finally:
            self._leave(listener)

    async def _has_more(self, listener: _Listener) -> bool:
        """Waits for the listener's next event; false at the end. Raises what the run raised."""
        while listener.next - self._forgotten >= len(self._events):
            if self._over:
                if self._error is not None:
                    raise self._error
                return False
            listener.woken.clear()
            await listener.woken.wait()
        return True

    def _leave(self, listener: _Listener) -> None:
        paid = next(iter(self._listeners)) is listener
        del self._listeners[listener]
        self._room.set()
        if paid and not self._over and self._listeners:
            next(iter(self._listeners)).pays()
        if not self._listeners and not self._over:
            assert self._pump is not None
            self._over = True
            self._ended(self)
            self._pump.cancel()

    async def _read(self) -> None:
        try:
            async with aclosing(self._run(self._call)) as events:
                async for event in events:
                    self._events.append(event)
                    self._wake()
                    if len(self._events) >= _BUFFER:
                        await self._make_room()
        except Exception as error:
            self._error = error
        finally:
            if not self._over:
                self._over = True
                self._ended(self)
            self._wake()

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.woken.set()

    async def _make_room(self) -> None:
        """Forget what all have read; where that is nothing, wait until the slowest has read on."""
        while len(self._events) >= _BUFFER:
            self._room.clear()
            read = min((listener.next for listener in self._listeners), default=self._forgotten)
            if read > self._forgotten:
                del self._events[: read - self._forgotten]
                self._forgotten = read
            else:
                await self._room.wait()


class Flights:
    """The runs in the air, by what makes two calls the same."""

    def __init__(self) -> None:
        self._flights: dict[tuple[object, ...], Flight] = {}

    def __len__(self) -> int:
        return len(self._flights)

    def find(self, key: tuple[object, ...]) -> Flight | None:
        flight = self._flights.get(key)
        return flight if flight is not None and flight.takes_more else None

    def start(self, key: tuple[object, ...] | None, call: Call, run: Callable[[Call], Events]) -> Flight:
        """A new run; one without a key is found by nobody."""
        # Nothing here may lead from the flight to itself: its pictures would wait for the garbage collector.
        flight = Flight(call, run, partial(self._forget, key))
        if key is not None:
            self._flights[key] = flight
        return flight

    def _forget(self, key: tuple[object, ...] | None, flight: Flight) -> None:
        if key is not None and self._flights.get(key) is flight:
            del self._flights[key]
