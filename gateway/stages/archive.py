"""Hands complete answers to the archive, with their question, as the client got them.

It stands outermost: answers from the cache have their record too, a document has one for all its pages,
and personal data is masked where the client's answer has it masked. What was refused raises, and what a
client left behind is closed: neither comes to the end.
"""

from __future__ import annotations

from contextlib import aclosing

from gateway.archive.service import Archive
from gateway.call import Call, Event, Events
from gateway.stages.base import Handler, Services


class ToArchive:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._archive = services.archive

    async def __call__(self, call: Call) -> Events:
        events = await self._inner(call)
        if self._archive is None or not self._archive.wants(call):
            return events
        return _kept(call, events, self._archive)


async def _kept(call: Call, events: Events, archive: Archive) -> Events:
    seen: list[Event] = []  # put together later, off the event loop
    async with aclosing(events):
        async for event in events:
            seen.append(event)
            yield event
    archive.keep(call, seen)
