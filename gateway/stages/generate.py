"""The innermost stage: the engine that the model has for this lane answers."""

from __future__ import annotations

from gateway.call import Call, Events
from gateway.stages.base import Services


class Generate:
    def __init__(self, services: Services) -> None:
        self._models = services.models

    async def __call__(self, call: Call) -> Events:
        return self._models.get(call.chat.model).pool(call.lane).engine.generate(call.chat)
