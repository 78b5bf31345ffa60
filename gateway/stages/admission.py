"""Holds a slot of the engine while a request is there, and tells what it sees of the engine's health."""

from __future__ import annotations

from contextlib import aclosing

import msgspec

from engine.errors import Overloaded
from gateway.cache.key import tenant_scope
from gateway.call import Call, Events, Lane
from gateway.errors import Overload
from gateway.lanes.gate import Gate
from gateway.lanes.slots import Permit
from gateway.stages.base import Handler, Services

_PRIORITY: dict[Lane, int] = {"interactive": 0, "video": 11, "batch": 22}
"""Smaller goes first in the engine's own queue. Between lanes is room for the tiers' priorities, ±5."""
_BUSY_RETRY_S = 1.0


class Admission:
    """Raises `Overload` where the engine, or the lane, takes no further request now."""

    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._models = services.models
        self._telemetry = services.telemetry
        self._backlog = services.backlog
        self._accounts = services.accounts
        pools = {pool for model in services.models for pool in model.pools}
        self._gates = {pool: Gate(pool, services.settings) for pool in pools}

    async def __call__(self, call: Call) -> Events:
        return self._admitted(call)

    async def _admitted(self, call: Call) -> Events:
        gate = self._gates[self._models.get(call.chat.model).pool(call.lane)]
        gate.check()
        permit = await self._slot(call, gate)
        sent = self._backlog.sent(call.lane)
        answered = False
        try:
            priority = _PRIORITY[call.lane] - self._accounts.tier(call.principal).priority
            call.chat = msgspec.structs.replace(call.chat, priority=priority, salt=_salt(call))
            with gate.attempt(lambda: call.deadline, streamed=call.stream) as attempt:
                async with aclosing(await self._inner(call)) as events:
                    async for event in events:
                        if not answered:
                            answered = True
                            attempt.first_chunk()
                            sent()
                        yield event
        except Overloaded as error:
            raise Overload("engine_busy", str(error), _BUSY_RETRY_S) from error
        finally:
            sent()
            permit.release(used=answered)

    async def _slot(self, call: Call, gate: Gate) -> Permit:
        with self._backlog.waiting(call.lane), self._telemetry.tracing.span("queue"):
            permit = await gate.slots.acquire(call.lane, call.tenant, lambda: call.deadline)
        call.notes.queued_s = permit.waited_s
        self._telemetry.queue_wait.labels(call.lane).observe(
            permit.waited_s, self._telemetry.tracing.exemplar()
        )
        return permit


def _salt(call: Call) -> str | None:
    """Keeps the engine's prefix cache of one tenant from telling another what was asked before."""
    return tenant_scope(call.tenant) if call.principal.kind == "key" else None
