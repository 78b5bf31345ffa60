"""Refuses answers that the content policy does not allow, before a word of them leaves."""

from __future__ import annotations

from contextlib import aclosing

from gateway.call import Call, Events, Progress
from gateway.safety.hold_back import HoldBack
from gateway.stages.base import Handler, Services


class OutputFilter:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._safety = services.safety

    async def __call__(self, call: Call) -> Events:
        events = await self._inner(call)
        return self._filter(call, events) if self._safety.judges_text else events

    async def _filter(self, call: Call, events: Events) -> Events:
        held = HoldBack(self._safety, call.request_id)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Progress):
                    yield event
                    continue
                for chunk in await held.add(event):
                    yield chunk
            for chunk in await held.end():
                yield chunk
