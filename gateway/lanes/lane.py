"""One lane's part of an engine: what it holds, what it may hold, and how long its requests take."""

from __future__ import annotations

import math
import time

from gateway.lanes.queue import FairQueue
from gateway.settings import LaneSettings

_MEMORY = 0.1
"""Weight of the newest request in the running average of how long a slot is held."""


class LaneState:
    def __init__(self, settings: LaneSettings, slots: int, lend: float, unused_after_s: float) -> None:
        self.settings = settings
        self.reserved = math.floor(settings.reserved * slots)
        self.most = max(1, round(settings.most * slots))
        self._kept = math.ceil(self.reserved * (1 - lend))
        self._spare = min(self._kept, settings.spare)
        self._lends = lend > 0
        self._unused_after_s = unused_after_s
        self._last_asked = -math.inf
        self.queue = FairQueue()
        self.running = 0
        self.served = 0.0
        """Requests served so far, divided by the weight: the lane with the least is next."""
        self._hold_s = 0.0

    @property
    def used(self) -> bool:
        """Whether somebody is in the lane, or was a short while ago; or it never lends anything."""
        busy = self.running or len(self.queue) or not self._lends
        return bool(busy) or time.monotonic() - self._last_asked < self._unused_after_s

    @property
    def idle_own(self) -> int:
        """Free slots that nobody else may borrow."""
        return max(0, (self._kept if self.used else self._spare) - self.running)

    def asked(self) -> None:
        """A request has come to the lane."""
        self._last_asked = time.monotonic()

    @property
    def below_reserve(self) -> bool:
        return self.running < self.reserved

    def expected_wait(self, tenant: str) -> float:
        """Seconds a new request of this tenant waits: those ahead, divided by the rate at which
        the lane's slots become free. 0 while nothing was measured."""
        rate = max(1, self.running, self.reserved) / self._hold_s if self._hold_s else math.inf
        return (self.queue.ahead_of(tenant) + 1) / rate

    def start(self, tenant: str) -> None:
        self.running += 1
        self.served += 1 / self.settings.weight
        self.queue.started(tenant)

    def finish(self, tenant: str, held_s: float | None) -> None:
        """`held_s`: seconds the slot was held; `None` for one that was never used."""
        self.running -= 1
        self.queue.finished(tenant)
        if held_s is None:
            return
        self._hold_s = held_s if not self._hold_s else self._hold_s + _MEMORY * (held_s - self._hold_s)
