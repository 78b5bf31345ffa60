"""A circuit breaker: keeps calls away from what fails again and again, and finds out when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed while all is well; open for `reset_s` seconds after `failures` failures in a row; then
    half-open: one call at a time may try, and its outcome closes or opens the breaker.

    Whoever got True from `enter` tells the outcome with exactly one of `succeeded`, `failed` and
    `abandoned`. Not for use by several threads.
    """

    def __init__(self, failures: int, reset_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = failures
        self._reset_s = reset_s
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        if self._opened is None:
            return "closed"
        return "open" if self.retry_after > 0 else "half-open"

    @property
    def retry_after(self) -> float:
        """Seconds until a call may try again; 0 where it may now."""
        if self._opened is None:
            return 0.0
        return max(0.0, self._opened + self._reset_s - self._clock())

    def enter(self) -> bool:
        """Whether a call may go ahead."""
        if self._opened is None:
            return True
        if self.retry_after > 0 or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        self._failures, self._opened, self._probing = 0, None, False

    def failed(self) -> None:
        self._failures += 1
        self._probing = False
        if self._opened is not None or self._failures >= self._limit:
            self._opened = self._clock()

    def abandoned(self) -> None:
        """The call ended without an outcome, as when its client left."""
        self._probing = False
