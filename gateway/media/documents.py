"""PDF documents: how many pages they have, and pages as pictures.

PDFium is C++ that reads whatever strangers send, is not thread-safe, and cannot be stopped. So it
runs in one process of its own, which is ended when a page takes too long or it crashes.
"""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool
from PIL import Image

from engine.types import Medium
from gateway.errors import DOCUMENT_FORMAT, GatewayError
from gateway.media import pdf
from gateway.settings import MediaSettings

T = TypeVar("T")

_TASKS_A_PROCESS = 500
"""After so many the process is replaced, so that what it may leak does not stay."""


class Documents:
    """Starts its process with the first document."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._pool: ProcessPool | None = None

    async def count(self, data: bytes) -> int:
        """How many pages the document has. Raises `GatewayError`."""
        return await self._run(pdf.count, data)

    async def render(self, page: Medium) -> Image.Image:
        """The page that `page.options` names, RGB, no longer than the longest side. Raises `GatewayError`."""
        assert page.options.page is not None
        dpi = page.options.dpi or self._settings.pdf_dpi
        size, pixels = await self._run(
            pdf.render, page.data, page.options.page - 1, dpi, self._settings.max_side
        )
        return Image.frombuffer("RGB", size, pixels, "raw", "RGB", 0, 1).copy()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        future = self._started().schedule(work, args=args, timeout=self._settings.pdf_timeout_s)
        try:
            return await asyncio.wrap_future(future)
        except pdf.Unreadable as error:
            raise GatewayError(DOCUMENT_FORMAT, str(error)) from None
        except TimeoutError:
            raise GatewayError(DOCUMENT_FORMAT, "A page of the document takes too long to draw.") from None
        except ProcessExpired as error:
            raise GatewayError(DOCUMENT_FORMAT) from error

    def _started(self) -> ProcessPool:
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(1, max_tasks=_TASKS_A_PROCESS, context=context)
        return self._pool
