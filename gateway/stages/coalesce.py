"""Runs what is cacheable once, however many ask at the same time, and keeps the answer.

Calls join only where the answer would be right for each of them: the same key, both streamed or
both not, the same say on degraded answers, the same lane (so that nobody interactive waits in
the batch queue), and no wish for a new answer.

Each run is paid for once, whole: by the call that began it, or, where that left before the end, by
the next one.
"""

from __future__ import annotations

from contextlib import aclosing

import msgspec

from gateway.cache.flight import Flight, Flights
from gateway.cache.policy import worth_keeping
from gateway.cache.replay import fresh, give_again, whole
from gateway.call import Call, Events, Notes
from gateway.stages.base import Handler, Services
from gateway.stages.cache import policy_of
from gateway.stream import Reply


class Coalesce:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._answers = services.answers
        self._telemetry = services.telemetry
        self._policy = policy_of(services)
        self._flights = Flights()

    async def __call__(self, call: Call) -> Events:
        if call.cache_key is None:
            return await self._inner(call)
        return self._share(call, call.cache_key)

    async def _share(self, call: Call, key: str) -> Events:
        if call.cache_control.no_cache:
            flight = self._flights.start(None, _own(call), self._run)
        else:
            # The answer may have come since the lookup, while this call prepared its media.
            entry = self._answers.recent(key)
            if entry is not None and fresh(entry, call):
                async for event in give_again(entry, call):
                    yield event
                return
            flight = self._join((key, call.stream, call.allow_degraded, call.lane), call)
        told, used = False, call.notes.cache
        if not flight.fresh:
            call.notes.cache = "coalesced"
            self._telemetry.coalesced.inc()

        def pays() -> None:
            call.notes.cache = used

        try:
            async with aclosing(flight.listen(call.deadline, pays)) as events:
                async for event in events:
                    if not told:
                        told = True
                        run = flight.notes
                        call.notes.degraded, call.notes.queued_s = run.degraded, run.queued_s
                    yield event
        finally:
            if call.notes.cache == used:
                call.notes.last = flight.last

    def _join(self, key: tuple[object, ...], call: Call) -> Flight:
        return self._flights.find(key) or self._flights.start(key, _own(call), self._run)

    async def _run(self, call: Call) -> Events:
        """The run itself; its answer is kept before the flight ends, so that nobody falls between."""
        reply = Reply()
        async with aclosing(await self._inner(call)) as events:
            async for event in events:
                reply.add(event)
                yield event
        if call.cache_key is not None and worth_keeping(reply, call.notes):
            notices = tuple(notice for medium in call.media for notice in medium.notices)
            self._answers.keep(call.cache_key, whole(reply), notices, self._policy.ttl_s(call.task))


def _own(call: Call) -> Call:
    """A copy for the run, which may outlive the request that began it."""
    return msgspec.structs.replace(call, notes=Notes())
