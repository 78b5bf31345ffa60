"""How many requests wait in each lane: what a cluster scales by.

A request waits while its media are fetched or prepared, while it queues for a slot, and while it
lies in the engine without running. Engines tell only how many of the last kind they have, not
which: those are shared out over the lanes of the requests that have no first chunk yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gateway.call import Lane

LANES: tuple[Lane, ...] = ("interactive", "batch", "video")


class Backlog:
    def __init__(self) -> None:
        self._here: Counter[Lane] = Counter()
        self._sent: Counter[Lane] = Counter()

    @contextmanager
    def waiting(self, lane: Lane) -> Iterator[None]:
        """Counts a request while it is fetched, prepared or queued."""
        self._here[lane] += 1
        try:
            yield
        finally:
            self._here[lane] -= 1

    def sent(self, lane: Lane) -> Callable[[], None]:
        """Counts a request as sent to the engine, until what this returns is called; once is enough."""
        self._sent[lane] += 1
        counted = [lane]

        def arrived() -> None:
            if counted:
                self._sent[counted.pop()] -= 1

        return arrived

    def depth(self, waiting_in_engines: float) -> dict[Lane, float]:
        """Waiting requests by lane, given how many the engines hold back."""
        sent = sum(self._sent.values())
        share = min(1.0, waiting_in_engines / sent) if sent else 0.0
        return {lane: self._here[lane] + share * self._sent[lane] for lane in LANES}
