"""What the headers of an answer say about how it came about."""

from __future__ import annotations

import time

from gateway.call import Call
from gateway.errors import OVERLOADED

EXPOSED = (
    *("X-Request-ID", "Retry-After", "X-Cache", "Age"),
    *("X-Degraded", "X-Queue-Ms", "X-Cost", "Server-Timing"),
)
"""Headers that a page of another origin may read."""

_ORDER = ("media", "cache", "prepare")


def reply_headers(call: Call) -> list[tuple[bytes, bytes]]:
    """The headers of a whole answer, or of a stream whose first chunk is there."""
    notes = call.notes
    headers = {
        b"x-cache": notes.cache,
        b"age": None if notes.age is None else str(int(notes.age)),
        b"x-degraded": None if notes.degraded is None else str(OVERLOADED.number),
        b"x-queue-ms": None if notes.queued_s is None else str(round(notes.queued_s * 1000)),
        b"x-cost": _cost(call),
        b"server-timing": _server_timing(call),
    }
    own = [(name, value.encode()) for name, value in headers.items() if value is not None]
    return [*own, *((name.encode(), value.encode()) for name, value in notes.limits.items())]


def _cost(call: Call) -> str | None:
    """As `0.000217 USD`. A stream comes to its cost only after its headers."""
    amount = call.bill.amount
    if call.stream or amount is None:
        return None
    return f"{amount:.9f}".rstrip("0").rstrip(".") + f" {call.bill.currency}"


def _server_timing(call: Call) -> str:
    """Milliseconds in the form that browsers show: where they went, and how many there were up to now."""
    notes = call.notes
    spent = {what: notes.spent[what] for what in _ORDER if what in notes.spent}
    if notes.queued_s is not None:
        spent["queue"] = notes.queued_s
    spent["ttft" if call.stream else "total"] = time.monotonic() - call.received
    return ", ".join(f"{what};dur={seconds * 1000:.1f}" for what, seconds in spent.items())
