"""Gives an answer again that was given before.

A hit decodes no media, takes no slot, and costs nothing. Answers are kept where they are made,
one floor further in; see `coalesce.py`.
"""

from __future__ import annotations

from gateway.cache.policy import CachePolicy
from gateway.cache.replay import fresh, give_again
from gateway.call import CacheUse, Call, Events
from gateway.stages.base import Handler, Services


class Cache:
    """Says in the call's notes how the cache was used, and leaves the key where the answer may be kept."""

    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._answers = services.answers
        self._telemetry = services.telemetry
        self._policy = policy_of(services)

    async def __call__(self, call: Call) -> Events:
        if not self._policy.allows(call):
            return await self._past(call, "bypass")
        call.cache_key = self._policy.key(call)
        if call.cache_control.no_cache:
            return await self._past(call, "bypass")
        with call.notes.timed("cache"), self._telemetry.tracing.span("cache.find"):
            found = await self._answers.find(call.cache_key)
        await call.admitted()
        if found is None or not fresh(found.entry, call):
            return await self._past(call, "miss" if self._answers.enabled else "bypass")
        self._telemetry.cache_lookups.labels(found.level).inc()
        return give_again(found.entry, call)

    async def _past(self, call: Call, how: CacheUse) -> Events:
        await call.admitted()
        self._telemetry.cache_lookups.labels(how).inc()
        call.notes.cache = how
        return await self._inner(call)


def policy_of(services: Services) -> CachePolicy:
    return CachePolicy(services.settings, services.models, services.tasks, services.safety.policy_version)
