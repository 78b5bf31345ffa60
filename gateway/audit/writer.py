"""Carries audit lines to their sink, in a thread, in order, and to the end.

Requests never wait for it. While the sink fails or is slow, lines wait in memory, up to
`audit.waiting`; then, as configured, either requests are refused until there is room again, so
that none goes unrecorded, or further lines are dropped. Both are counted.
"""

from __future__ import annotations

import logging
import threading
from collections import deque

from gateway.audit.base import Sink
from gateway.telemetry import Telemetry

log = logging.getLogger("gateway")

_BATCH = 1000
_PAUSE_S = 1.0
_COMPANY_S = 0.05
"""How long the first line waits for others: a thread that woke for each would cost more than the line."""
_DRAIN_S = 5.0


class Writer:
    """`drops`: whether lines are given up when there is no more room. Otherwise all are taken: new requests
    are refused then, and those that run are not many more."""

    def __init__(
        self, sink: Sink, waiting: int, telemetry: Telemetry, pause_s: float = _PAUSE_S, *, drops: bool = True
    ) -> None:
        self._drops = drops
        self._sink = sink
        self._most = waiting
        self._telemetry = telemetry
        self._pause_s = pause_s
        self._lines: deque[bytes] = deque()
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def full(self) -> bool:
        return len(self._lines) >= self._most

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="audit", daemon=True)
            self._thread.start()

    def add(self, line: bytes) -> None:
        if self.full and self._drops:
            self._telemetry.audit_dropped.inc()
            return
        self._lines.append(line)
        if not self._some.is_set():
            self._some.set()

    def close(self) -> None:
        """Lines that wait are offered once more. Blocks for some seconds at most: it is for a thread."""
        self._closing.set()
        self._some.set()
        if self._thread is not None:
            self._thread.join(_DRAIN_S)
        if left := len(self._lines):
            self._telemetry.audit_dropped.inc(left)
            log.error("%d audit lines could not be written", left)
        self._sink.close()

    def _work(self) -> None:
        """What the sink has not taken is offered to it again, the same lines in the same order."""
        last = False
        while not last:
            self._some.wait()
            last = self._closing.wait(_COMPANY_S)
            self._some.clear()
            while self._lines:
                batch = [self._lines[i] for i in range(min(_BATCH, len(self._lines)))]
                if self._write(batch):
                    for _ in batch:
                        self._lines.popleft()
                elif last:
                    return
                else:
                    last = self._closing.wait(self._pause_s)

    def _write(self, batch: list[bytes]) -> bool:
        try:
            self._sink.write(batch)
        except OSError as error:
            self._telemetry.audit_failures.inc()
            log.error("the audit log cannot be written: %s", error.strerror or error)
            return False
        self._telemetry.audit_lines.inc(len(batch))
        return True
