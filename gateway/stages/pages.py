"""Works a document page by page, then joins the pages' answers.

The parent call holds no slot. Each page, and the summary, is a call of its own that enters the
pipeline again right after this stage, so that pages are cached, counted and admitted one by one.
A page is rendered only where its answer is not in the cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from engine.types import ChatRequest, Medium
from gateway.call import Call, Events, Notes, Plan, Progress, Ranges
from gateway.errors import INVALID_REQUEST, TOO_LARGE, GatewayError
from gateway.stages.base import Handler, Services
from gateway.stream import Reply, fold

_AT_ONCE = 4
"""Pages of one document that are worked on at the same time."""

Numbered = tuple[int, Medium]
"""A page's number and its picture."""


class Pages:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._media = services.media
        self._most = services.settings.media.max_pages

    async def __call__(self, call: Call) -> Events:
        if call.plan is None:
            return await self._inner(call)
        pages = await self._split(call.media, call.plan)
        if len(pages) == 1:
            return await self._only(call, call.plan, pages[0])
        return self._work(call, call.plan, pages)

    async def _split(self, media: list[Medium], plan: Plan) -> list[Numbered]:
        """The pages of the document, or the images as pages. Raises `GatewayError`."""
        if all(medium.kind != "document" for medium in media):
            return list(enumerate(media, 1))
        if len(media) > 1:
            raise GatewayError(
                INVALID_REQUEST, "A PDF document is sent alone, one in a request.", param="images"
            )
        count = await self._media.pages(media[0])
        return [(number, _page(media[0], number)) for number in chosen(plan.selection, count, self._most)]

    async def _only(self, call: Call, plan: Plan, page: Numbered) -> Events:
        """A single page needs no summary: its answer is the whole answer, streamed as any other."""
        request = msgspec.structs.replace(plan.page(*page), id=call.chat.id, stream=call.chat.stream)
        child = msgspec.structs.replace(call, chat=request, plan=None, part=True)
        events = await self._inner(child)
        return events if page[1].options.page is None else _with_page(events, page[0])

    async def _work(self, call: Call, plan: Plan, pages: list[Numbered]) -> Events:
        answers: dict[int, str] = {}
        notes: list[Notes] = []
        async with aclosing(self._answers(call, plan, pages, notes)) as progresses:
            async for progress in progresses:
                answers[progress.page] = progress.answer
                yield progress
        child = _child(call, plan.summarise(dict(sorted(answers.items()))))
        events = await self._inner(child)
        async with aclosing(events):
            async for event in events:
                if notes:
                    call.notes.join([*notes, child.notes])
                    notes.clear()
                yield event

    async def _answers(
        self, call: Call, plan: Plan, pages: list[Numbered], notes: list[Notes]
    ) -> AsyncGenerator[Progress, None]:
        """Pages in the order in which they finish. Leaving early cancels those that still run."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def work(number: int, medium: Medium) -> tuple[int, Reply]:
            async with gate:
                child = _child(call, plan.page(number, medium))
                notes.append(child.notes)
                return number, await fold(await self._inner(child))

        tasks = [asyncio.create_task(work(number, medium)) for number, medium in pages]
        try:
            for done, finished in enumerate(asyncio.as_completed(tasks), 1):
                number, reply = await finished
                yield Progress(done, len(pages), number, reply.first.content, reply.usage)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def chosen(selection: Ranges, count: int, most: int) -> list[int]:
    """The numbers of the pages to read of a document with `count`. Raises `GatewayError`."""
    if any(last > count for _, last in selection):
        raise GatewayError(INVALID_REQUEST, f"The document has {count} pages.", param="options.pages")
    numbers = {number for first, last in selection or ((1, count),) for number in range(first, last + 1)}
    if len(numbers) > most:
        detail = f"At most {most} pages are read of a document; choose them with options.pages."
        raise GatewayError(TOO_LARGE, detail, param="options.pages")
    return sorted(numbers)


def _page(document: Medium, number: int) -> Medium:
    options = msgspec.structs.replace(document.options, page=number)
    return msgspec.structs.replace(document, kind="image", options=options)


def _child(call: Call, request: ChatRequest) -> Call:
    """A call of its own, whose notes are told of the whole in the end."""
    return msgspec.structs.replace(call, chat=request, plan=None, part=True, notes=Notes())


async def _with_page(events: Events, number: int) -> Events:
    """The answer, and then the same as the answer about its page."""
    reply = Reply()
    async with aclosing(events):
        async for event in events:
            reply.add(event)
            yield event
    yield Progress(1, 1, number, reply.first.content)
