"""How late the event loop is: the first sign of work on it that belongs into a thread."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from prometheus_client import Gauge

_EVERY_S = 0.25
_WINDOW = 40
"""Measurements that the figure looks back over: ten seconds."""


async def watch_loop(gauge: Gauge) -> None:
    """Measures until it is cancelled; the gauge shows the longest delay of the window in seconds."""
    delays: deque[float] = deque(maxlen=_WINDOW)
    while True:
        due = time.monotonic() + _EVERY_S
        await asyncio.sleep(_EVERY_S)
        delays.append(max(0.0, time.monotonic() - due))
        gauge.set(max(delays))
