"""Engines that wait for a word from the test, so that no test has to sleep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from engine.base import Health
from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from engine.types import ChatChunk, ChatRequest


class HeldEngine(ScriptedEngine):
    """Gives a chunk only when `let` says so: `first` holds the first chunk, `each` every one."""

    def __init__(self, name: str = "qwen3-vl-30b", *, each: bool = False, answer: str = "") -> None:
        super().__init__(name, ScriptedConfig(kind="scripted", answer=answer, max_running=1000))
        self._each = each
        self._turns = asyncio.Semaphore(0)
        self._changed = asyncio.Event()
        self.down = False

    def let(self, turns: int) -> None:
        """Let so many chunks, or requests, go on."""
        for _ in range(turns):
            self._turns.release()

    async def until_seen(self, requests: int) -> None:
        """Returns when the engine has been asked so many times."""
        while len(self.seen) < requests:
            self._changed.clear()
            await self._changed.wait()

    async def until_aborted(self, requests: int) -> None:
        while len(self.aborted) < requests:
            await asyncio.sleep(0)

    @property
    def texts(self) -> list[str]:
        """The questions in the order in which they came."""
        return [str(request.messages[-1].content) for request in self.seen]

    def health(self) -> Health:
        return Health(ready=self._ready and not self.down, running=self._running)

    async def _chunks(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        self._changed.set()
        if not self._each:
            await self._turns.acquire()
        async for chunk in super()._chunks(request):
            if self._each:
                await self._turns.acquire()
            yield chunk
