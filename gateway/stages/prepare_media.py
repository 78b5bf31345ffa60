"""Turns the bytes of every medium into the frames that the model sees."""

from __future__ import annotations

import asyncio

from gateway.backlog import LANES
from gateway.call import Call, Events, Lane
from gateway.stages.base import Handler, Services


class PrepareMedia:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._media = services.media
        self._backlog = services.backlog
        lanes = services.settings.lanes
        # One lane's flood must not take all threads: each has so many requests in work.
        self._turns: dict[Lane, asyncio.Semaphore] = {
            lane: asyncio.Semaphore(getattr(lanes, lane).preparing) for lane in LANES
        }

    async def __call__(self, call: Call) -> Events:
        if media := call.media:
            with self._backlog.waiting(call.lane):
                async with self._turns[call.lane]:
                    await self._media.prepare(media)
            call.notices.extend(notice for medium in media for notice in medium.notices)
        return await self._inner(call)
