"""Turns the bytes of every medium into the frames that the model sees."""

from __future__ import annotations

import asyncio

from gateway.call import Call, Events
from gateway.stages.base import Handler, Services


class PrepareMedia:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._media = services.media
        self._backlog = services.backlog
        self._tracing = services.telemetry.tracing
        # One lane's flood must not take all threads: each has so many requests in work.
        lanes = services.settings.lanes.by_name
        self._turns = {lane: asyncio.Semaphore(own.preparing) for lane, own in lanes.items()}

    async def __call__(self, call: Call) -> Events:
        if media := call.media:
            waiting = self._backlog.waiting(call.lane)
            with call.notes.timed("prepare"), waiting, self._tracing.span("media.prepare"):
                async with self._turns[call.lane]:
                    await self._media.prepare(media)
            call.notices.extend(notice for medium in media for notice in medium.notices)
        return await self._inner(call)
