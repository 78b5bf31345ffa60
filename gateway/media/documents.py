"""PDF documents: how many pages they have, and pages as pictures.

PDFium is C++ that reads whatever strangers send, is not thread-safe, and cannot be stopped. So it
runs in one process of its own (`gateway/media/pdf.py`), which is killed when a page takes too long.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from typing import Any

import msgspec
from PIL import Image

from engine.types import Medium
from gateway.errors import DOCUMENT_FORMAT, GatewayError
from gateway.media import pdf
from gateway.settings import MediaSettings


class Documents:
    """Starts its process with the first document, and again after it was killed."""

    def __init__(self, settings: MediaSettings) -> None:
        self._settings = settings
        self._turn = asyncio.Lock()
        self._process: Process | None = None

    async def count(self, data: bytes) -> int:
        """How many pages the document has. Raises `GatewayError`."""
        pages: int = await self._ask("count", data)
        return pages

    async def render(self, page: Medium) -> Image.Image:
        """The page that `page.options` names, RGB, no longer than the longest side. Raises `GatewayError`."""
        assert page.options.page is not None
        dpi = page.options.dpi or self._settings.pdf_dpi
        longest = self._settings.max_side
        size, pixels = await self._ask("render", page.data, page.options.page - 1, dpi, longest)
        return Image.frombuffer("RGB", tuple(size), pixels, "raw", "RGB", 0, 1)

    async def aclose(self) -> None:
        if (process := self._process) is not None:
            self._process = None
            _kill(process)
            await process.wait()

    async def _ask(self, *question: Any) -> Any:
        async with self._turn:
            try:
                async with asyncio.timeout(self._settings.pdf_timeout_s):
                    answer = await self._exchange(question)
            except TimeoutError:
                await self.aclose()
                raise GatewayError(DOCUMENT_FORMAT, "The document takes too long to draw.") from None
            except (OSError, asyncio.IncompleteReadError) as error:
                await self.aclose()
                raise GatewayError(DOCUMENT_FORMAT) from error
            except BaseException:
                await self.aclose()  # left in the middle of an answer, it could not be asked again
                raise
        if answer.refusal:
            raise GatewayError(DOCUMENT_FORMAT, answer.refusal)
        return answer.value

    async def _exchange(self, question: tuple[Any, ...]) -> pdf.Answer:
        process = self._process
        if process is None or process.returncode is not None:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-P", pdf.__file__, stdin=PIPE, stdout=PIPE
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pdf.frame(question))
        await process.stdin.drain()
        size = int.from_bytes(await process.stdout.readexactly(pdf.HEAD), "big")
        return msgspec.msgpack.decode(await process.stdout.readexactly(size), type=pdf.Answer)


def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
