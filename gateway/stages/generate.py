"""The innermost stage: the model's own engine answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.call import Call, Event
from gateway.stages.base import Services


class Generate:
    def __init__(self, services: Services) -> None:
        self._models = services.models

    async def __call__(self, call: Call) -> AsyncIterator[Event]:
        return self._models.get(call.chat.model).engine.generate(call.chat)
