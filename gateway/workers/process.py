"""A worker's process, as its parent sees it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections.abc import Callable

from gateway.workers.worker import Part, run

_context = multiprocessing.get_context("spawn")


class Worker:
    """One process, from its start to its end. The pipe to it ends with either of the two."""

    def __init__(self, part: Part, on_end: Callable[[Worker], None], on_ready: Callable[[], None]) -> None:
        self.index = part.index
        self.ready = False
        self._on_end, self._on_ready = on_end, on_ready
        self._own, theirs = _context.Pipe()
        self._process = _context.Process(target=run, args=(part, theirs), name=f"worker-{part.index}")
        self._process.start()
        theirs.close()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, self._ended)
        loop.add_reader(self._own.fileno(), self._spoke)

    @property
    def status(self) -> int:
        """With which it has ended; negative for a signal."""
        return self._process.exitcode or 0

    def send(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, number)

    def _spoke(self) -> None:
        """The only thing it ever says is that it is ready."""
        try:
            self._own.recv_bytes()
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(self._own.fileno())
            return
        self.ready = True
        self._on_ready()

    def _ended(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._process.sentinel)
        loop.remove_reader(self._own.fileno())
        self._process.join()
        self._own.close()
        self._on_end(self)
