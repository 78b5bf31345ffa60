"""Reads and prepares media: bytes first, pages and frames later, all heavy work off the event loop."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import partial

from engine.types import Medium
from gateway.errors import IMAGE_FORMAT, INVALID_REQUEST, TOO_LARGE, VIDEO_FORMAT, GatewayError
from gateway.media import formats, image, video
from gateway.media.buckets import Buckets
from gateway.media.budget import Budget
from gateway.media.digest import digest
from gateway.media.documents import Documents
from gateway.media.fetch import Fetcher
from gateway.media.files import FileStore
from gateway.media.recent import Recent
from gateway.media.sources import AT_ONCE, Sources, too_large, unreadable
from gateway.runtime.threads import Threads, gather
from gateway.settings import MediaSettings, Settings


class MediaReader:
    """Fills in `Medium`s; the methods are called in the order in which they stand here."""

    def __init__(self, settings: Settings, fetcher: Fetcher | None = None) -> None:
        self._settings = settings.media
        self._threads = Threads(settings.media.workers, "media")
        self.fetcher = fetcher or Fetcher(settings.fetch)
        self.files = FileStore(settings.media, settings.server.folder("files"))
        self._buckets = Buckets(settings.media)
        self._sources = Sources(self.fetcher, self.files, self._buckets, self._threads)
        self._documents = Documents(settings.media)
        self._recent = Recent(int(settings.media.recent_mb * 1e6))

    async def read(self, media: Sequence[Medium], tenant: str, *, documents: bool = False) -> None:
        """Fill in `data` and `sha256`, and set `kind` to `document` for a PDF among the images.

        `documents` allows PDFs. Raises `GatewayError`.
        """
        every = [part for medium in media for part in (medium.parts or (medium,))]
        if len(every) > self._settings.max_items:
            raise GatewayError(TOO_LARGE, f"A request takes at most {self._settings.max_items} media.")
        budget = Budget(int(self._settings.max_request_mb * 1e6))
        if len(every) == 1:  # the common case: nothing to compare, and no task needed to wait for one
            await self._read(every, tenant, budget, documents)
        else:
            await gather(self._read(same, tenant, budget, documents) for same in _by_source(every))
        for medium in media:
            if medium.parts:
                joined = "".join(part.sha256 or "" for part in medium.parts)
                medium.sha256 = hashlib.sha256(joined.encode()).hexdigest()

    async def pages(self, document: Medium) -> int:
        """How many pages a document has. Raises `GatewayError`."""
        return await self._documents.count(document.data or b"")

    async def prepare(self, media: Sequence[Medium]) -> None:
        """Fill in `frames`, `timestamps`, `digest` and `notices`. Raises `GatewayError`."""
        waiting = [m for m in media if not m.frames and not self._recent.fill(m, digest(m))]
        if waiting and len(media) == 1 and media[0].kind == "image" and media[0].options.page is None:
            # The common case, handed over to a thread once.
            await self._threads.run(_prepare_image, media[0], self._settings)
        elif waiting or len(media) > 1:
            await self._threads.run(_check_pixels, media, self._settings)
            clips = [medium for medium in waiting if medium.kind == "video"]
            await gather([self._clips(clips), *(self._picture(m) for m in waiting if m.kind != "video")])
        for medium in waiting:
            self._recent.keep(medium)

    async def aclose(self) -> None:
        self._threads.close()
        self._buckets.close()
        await self._documents.aclose()
        await self.fetcher.aclose()

    async def _read(self, media: list[Medium], tenant: str, budget: Budget, documents: bool) -> None:
        """Media of the same source are read once."""
        first = media[0]
        if first.data is None:
            read = partial(self._sources.read, first, tenant)
            first.data = await budget.read(read, self._limit(first.kind, documents), len(media))
        else:
            budget.take(len(first.data) * len(media))
        for medium in media:
            medium.data, medium.mime = first.data, first.mime
            self._check_kind(medium, documents)
        digest = await self._digest(first.data)
        for medium in media:
            medium.sha256 = digest

    async def _digest(self, data: bytes) -> str:
        return _sha256(data) if len(data) <= AT_ONCE else await self._threads.run(_sha256, data)

    def _limit(self, kind: str, documents: bool) -> int:
        """Most bytes of a medium; where documents are allowed, an image may turn out to be one."""
        settings = self._settings
        largest = {"video": settings.max_video_mb, "document": settings.max_pdf_mb}.get(
            kind, settings.max_image_mb
        )
        if documents:
            largest = max(largest, settings.max_pdf_mb)
        return int(largest * 1e6)

    def _check_kind(self, medium: Medium, documents: bool) -> None:
        """Holds the bytes against what they were sent as. Raises `GatewayError`."""
        data = medium.data or b""
        found = formats.sniff(data)
        if not data:
            raise unreadable(medium, "is empty")
        if found == "PDF" and medium.kind != "video":
            if not documents:
                raise GatewayError(INVALID_REQUEST, "PDF documents are read by the task doc_analyze alone.")
            medium.kind = "document"
        elif found in formats.IMAGES and medium.kind == "document":
            medium.kind = "image"
        elif found in formats.VIDEOS and medium.kind == "image":
            raise GatewayError(IMAGE_FORMAT, "An image is a video.")
        elif found not in formats.VIDEOS and medium.kind == "video":
            raise GatewayError(VIDEO_FORMAT, "The video is neither MP4, MOV nor WebM.")
        if len(data) > self._limit(medium.kind, False):
            raise too_large(medium, self._limit(medium.kind, False))

    async def _clips(self, clips: list[Medium]) -> None:
        """One after another, within one time for all: one request must not keep every thread from others."""
        left = self._settings.video_timeout_s
        for clip in clips:
            left -= await self._threads.run(video.prepare, clip, self._settings, left)

    async def _picture(self, medium: Medium) -> None:
        if medium.options.page is None:
            await self._threads.run(image.prepare, medium, self._settings)
        else:
            page = await self._documents.render(medium)
            await self._threads.run(image.prepare_page, medium, page, self._settings)


def _by_source(media: list[Medium]) -> Iterable[list[Medium]]:
    sources: dict[str, list[Medium]] = {}
    for medium in media:
        sources.setdefault(medium.source or str(id(medium)), []).append(medium)
    return sources.values()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _images(media: Sequence[Medium]) -> list[Medium]:
    every = [part for medium in media for part in (medium.parts or (medium,))]
    return [medium for medium in every if formats.sniff(medium.data or b"") in formats.IMAGES]


def _prepare_image(medium: Medium, settings: MediaSettings) -> None:
    _check_pixels([medium], settings)
    image.prepare(medium, settings)


def _check_pixels(media: Sequence[Medium], settings: MediaSettings) -> None:
    """All headers are looked at before the first picture is decoded; a clip counts as the most that its
    frames may have, unless it is alone and held to that anyway. Raises `GatewayError`."""
    clips = [medium for medium in media if medium.kind == "video" and not medium.parts]
    counted = len(clips) * video.most_pixels(settings) if len(media) > 1 else 0
    pixels = counted + sum(image.pixels(medium.data or b"", settings) for medium in _images(media))
    if pixels > settings.max_request_pixels_m * 1e6:
        detail = f"The media together have more than {settings.max_request_pixels_m:g} million pixels."
        told = f" Each video counts as {counted / len(clips) / 1e6:g} million." if counted else ""
        raise GatewayError(TOO_LARGE, detail + told)
