"""The way into one engine: its slots, its breaker, and whether it has room."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from types import TracebackType

from engine.errors import EngineUnavailable, GenerationFailed
from gateway.call import Lane
from gateway.errors import Overload
from gateway.lanes.pressure import Sampled, free_memory_mb
from gateway.lanes.slots import Slots
from gateway.models import Pool
from gateway.runtime.breaker import Breaker
from gateway.settings import LaneSettings, Settings

_HANG = 0.5
"""Share of an interactive request's time without a first chunk after which a missed deadline is the engine's
fault, not that of a client in a hurry."""
_RETRY_S = 2.0


class Gate:
    def __init__(self, pool: Pool, settings: Settings) -> None:
        self._limits = settings.overload
        self._health = Sampled(pool.engine.health)
        self._free_mb = Sampled(free_memory_mb)
        self._hang_s = settings.server.request_timeout_s * _HANG
        self.slots = Slots(
            pool.slots, lane_settings(settings, pool.lane), settings.lanes.lend, settings.lanes.unused_after_s
        )
        self.breaker = Breaker(self._limits.breaker_failures, self._limits.breaker_reset_s)

    def check(self) -> None:
        """Raises `Overload` where the engine is unhealthy or has no room for one more request."""
        health, free_mb = self._health(), self._free_mb()
        if self.breaker.state == "open":
            raise self._unhealthy(self.breaker.retry_after)
        if health.dead or not health.ready:
            raise self._unhealthy(_RETRY_S)
        if health.kv_usage >= self._limits.kv_usage:
            raise Overload("kv_cache", "The model is at its limit.", _RETRY_S)
        if free_mb is not None and free_mb < self._limits.min_free_memory_mb:
            raise Overload("host_memory", "The server is at its limit.", _RETRY_S)

    def attempt(self, deadline: Callable[[], float], *, streamed: bool) -> Attempt:
        """Raises `Overload` where the breaker lets nobody through."""
        if not self.breaker.enter():
            raise self._unhealthy(max(_RETRY_S, self.breaker.retry_after))
        return Attempt(self.breaker, deadline, self._hang_s, streamed=streamed)

    def _unhealthy(self, retry_after: float) -> Overload:
        return Overload("unhealthy", "The model does not answer at present.", retry_after)


class Attempt:
    """One request at the engine, and what it says about the engine's health: `with attempt:`."""

    def __init__(
        self, breaker: Breaker, deadline: Callable[[], float], hang_s: float, *, streamed: bool
    ) -> None:
        self._breaker = breaker
        self._streamed = streamed
        self._deadline = deadline
        self._hang_s = hang_s
        self._began = time.monotonic()
        self.answered = False

    def first_chunk(self) -> None:
        self.answered = True
        self._breaker.succeeded()

    def __enter__(self) -> Attempt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, EngineUnavailable | GenerationFailed) or self._hung(error):
            self._breaker.failed()
        elif not self.answered:
            self._breaker.abandoned()

    def _hung(self, error: BaseException | None) -> bool:
        """No chunk of a stream came, though there was time enough, until the request's time was up. An answer
        that is not streamed has its only chunk at the end, and may just be long."""
        now = time.monotonic()
        late = now >= self._deadline() and now - self._began >= self._hang_s
        left = isinstance(error, asyncio.CancelledError | GeneratorExit)
        return self._streamed and left and late and not self.answered


def lane_settings(settings: Settings, lane: Lane | None) -> Mapping[Lane, LaneSettings]:
    """The lanes of an engine: all of them, or the only one that it is there for, with every slot."""
    every = settings.lanes.by_name
    if lane is None:
        return every
    return {lane: every[lane].model_copy(update={"reserved": 1.0, "most": 1.0})}
