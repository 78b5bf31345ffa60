"""Lets a smaller model answer while the one that was asked for is overloaded.

Only before the first chunk: an answer that has begun is not continued by another model.
"""

from __future__ import annotations

import itertools
from contextlib import aclosing

import msgspec

from engine.errors import EngineUnavailable, InvalidRequest
from gateway.call import Call, Events
from gateway.errors import OVERLOAD_REASONS, Overload
from gateway.models import Model
from gateway.runtime.backlog import LANES
from gateway.stages.base import Handler, Services


class Fallback:
    """Raises `Overload` where nobody takes the request: the first refusal, with the shortest wait."""

    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._models = services.models
        self._tasks = services.settings.tasks
        self._telemetry = services.telemetry
        for model in services.models:
            self._begin_at_zero(model)

    def _begin_at_zero(self, model: Model) -> None:
        """The counters of degraded answers exist before the first one, so that it has a rate."""
        if model.fallback:
            for lane, reason in itertools.product(LANES, OVERLOAD_REASONS):
                self._telemetry.degraded.labels(model.fallback, lane, reason)

    async def __call__(self, call: Call) -> Events:
        return self._first_that_answers(call)

    async def _first_that_answers(self, call: Call) -> Events:
        refusals: list[Overload | EngineUnavailable] = []
        for model in self._candidates(call):
            begun = False
            if refusals:
                self._degrade(call, model, refusals[0])
            try:
                async with aclosing(await self._inner(call)) as events:
                    async for event in events:
                        if refusals and not begun:
                            self._count(call, model, refusals[0])
                        begun = True
                        yield event
                return
            except (Overload, EngineUnavailable) as refusal:
                if begun:
                    raise
                refusals.append(refusal)
            except InvalidRequest:
                if begun or not refusals:
                    raise  # of the model that was asked for; what a smaller one lacks is no error
        raise self._refuse(call, refusals)

    def _candidates(self, call: Call) -> list[Model]:
        chain = self._models.chain(call.chat.model)
        task = self._tasks.get(call.task)
        allowed = call.allow_degraded and (task is None or task.allow_degraded)
        return chain if allowed else chain[:1]

    def _degrade(self, call: Call, model: Model, refusal: Overload | EngineUnavailable) -> None:
        call.chat = msgspec.structs.replace(call.chat, model=model.name)
        call.notes.degraded = _reason(refusal)

    def _count(self, call: Call, model: Model, refusal: Overload | EngineUnavailable) -> None:
        self._telemetry.degraded.labels(model.name, call.lane, _reason(refusal)).inc()

    def _refuse(self, call: Call, refusals: list[Overload | EngineUnavailable]) -> Exception:
        """The first refusal, and the soonest time at which anybody may take the request."""
        first = refusals[0]
        call.notes.degraded = None
        self._telemetry.refused.labels(call.lane, _reason(first)).inc()
        waits = [refusal.retry_after or 0 for refusal in refusals if isinstance(refusal, Overload)]
        if len(refusals) == 1 or not waits:
            return first
        return Overload(_reason(first), str(first), min(waits))


def _reason(refusal: Overload | EngineUnavailable) -> str:
    return refusal.reason if isinstance(refusal, Overload) else "unhealthy"
