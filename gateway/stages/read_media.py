"""Brings in the source bytes of every medium, and their digest."""

from __future__ import annotations

from gateway.call import Call, Events
from gateway.stages.base import Handler, Services


class ReadMedia:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._media = services.media
        self._backlog = services.backlog
        self._tracing = services.telemetry.tracing

    async def __call__(self, call: Call) -> Events:
        if media := call.media:
            waiting = self._backlog.waiting(call.lane)
            with call.notes.timed("media"), waiting, self._tracing.span("media.read"):
                await self._media.read(media, call.tenant, documents=call.plan is not None)
        return await self._inner(call)
