"""Works a document page by page, then joins the pages' answers.

The parent call holds no slot. Each page, and the summary, is a call of its own that enters the
pipeline again right after this stage, so that pages are cached, counted and admitted one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from engine.types import ChatRequest
from gateway.call import Call, Events, Notes, Plan, Progress
from gateway.stages.base import Handler, Services
from gateway.stream import Reply, fold

_AT_ONCE = 4
"""Pages of one document that are worked on at the same time."""


class Pages:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner

    async def __call__(self, call: Call) -> Events:
        if call.plan is None:
            return await self._inner(call)
        return self._work(call, call.plan)

    async def _work(self, call: Call, plan: Plan) -> Events:
        answers: dict[int, str] = {}
        notes: list[Notes] = []
        async with aclosing(self._pages(call, plan, notes)) as pages:
            async for progress in pages:
                answers[progress.page] = progress.answer
                yield progress
        summary = plan.summarise([answers[page] for page in sorted(answers)])
        child = _child(call, summary)
        events = await self._inner(child)
        async with aclosing(events):
            async for event in events:
                if notes:
                    call.notes.join([*notes, child.notes])
                    notes.clear()
                yield event

    async def _pages(self, call: Call, plan: Plan, notes: list[Notes]) -> AsyncGenerator[Progress, None]:
        """Pages in the order in which they finish. Leaving early cancels those that still run."""
        gate = asyncio.Semaphore(_AT_ONCE)
        total = len(plan.page_requests)

        async def work(number: int, request: ChatRequest) -> tuple[int, Reply]:
            async with gate:
                child = _child(call, request)
                notes.append(child.notes)
                return number, await fold(await self._inner(child))

        tasks = [
            asyncio.create_task(work(number, request)) for number, request in enumerate(plan.page_requests, 1)
        ]
        try:
            for done, finished in enumerate(asyncio.as_completed(tasks), 1):
                number, reply = await finished
                yield Progress(done, total, number, reply.first.content, reply.usage)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _child(call: Call, request: ChatRequest) -> Call:
    return msgspec.structs.replace(call, chat=request, plan=None, notes=Notes())
