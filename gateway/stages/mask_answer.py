"""Masks personal data in the answer, where the request or the configuration asks for it.

It stands outermost: answers are cached as they are, and masked on their way out.
"""

from __future__ import annotations

from contextlib import aclosing

import msgspec

from gateway.call import Call, Events, Progress
from gateway.safety.masking import StreamMask
from gateway.safety.personal import mask
from gateway.stages.base import Handler, Services


class MaskAnswer:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._always = services.safety.masks_answers

    async def __call__(self, call: Call) -> Events:
        events = await self._inner(call)
        return _masked(events) if call.mask_pii or self._always else events


async def _masked(events: Events) -> Events:
    stream = StreamMask()
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Progress):
                yield msgspec.structs.replace(event, answer=mask(event.answer))
            else:
                yield stream.chunk(event)
        if (rest := stream.end()) is not None:
            yield rest
