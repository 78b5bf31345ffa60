"""Reads and prepares media off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from engine.types import Medium
from gateway.errors import TOO_LARGE, GatewayError
from gateway.media import image, sources, video
from gateway.settings import MediaSettings


class MediaReader:
    """Fills in `Medium`s. All heavy work runs in its own threads."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.workers, "media")

    async def read(self, media: Sequence[Medium]) -> None:
        """Fill in `data`, `mime` and `sha256`. Raises `GatewayError`."""
        await self._each(self._read, media)

    async def prepare(self, media: Sequence[Medium]) -> None:
        """Fill in `frames`, `timestamps` and `digest`. Raises `GatewayError`."""
        waiting = [medium for medium in media if not medium.frames]
        await self._each(self._prepare, waiting)
        pixels = sum(f.width * f.height for m in media if m.kind == "image" for f in m.frames)
        if pixels > self._settings.max_request_pixels_m * 1e6:
            limit = self._settings.max_request_pixels_m
            raise GatewayError(TOO_LARGE, f"The images together have more than {limit:g} million pixels.")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _each(self, work: Callable[[Medium], None], media: Sequence[Medium]) -> None:
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(self._threads, work, medium) for medium in media]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()

    def _read(self, medium: Medium) -> None:
        for part in medium.parts:
            self._read(part)
        sources.read(medium, self._settings)

    def _prepare(self, medium: Medium) -> None:
        if medium.kind == "image":
            image.prepare(medium, self._settings)
        else:
            video.prepare(medium, self._settings)
