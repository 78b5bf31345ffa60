"""The contract that every engine keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from engine.types import ChatChunk, ChatRequest


class Health(msgspec.Struct, frozen=True):
    """Whether an engine answers, and how busy it is."""

    ready: bool
    dead: bool = False
    """Died for good: only a restart of the process helps."""
    detail: str = ""
    running: int = 0
    """Requests that hold a slot in the engine."""
    waiting: int = 0
    """Requests inside the engine that do not run yet."""
    kv_usage: float = 0.0
    """Share of the KV cache in use, 0 to 1."""
    gpu_memory_gb: float | None = None
    """GPU memory in use on the engine's devices; `None` without a GPU."""


class ModelInfo(msgspec.Struct, frozen=True):
    """What the gateway has to know about the loaded model."""

    max_context: int | None = None
    experts_per_token: int | None = None
    """From the model's configuration; `None` for a dense model."""


class Engine(Protocol):
    """Answers chat requests.

    `generate` yields one chunk with the whole answer for a request that is not streamed, and
    many for one that is. Closing the iterator (`aclose`) aborts the request in the engine.
    Raises `EngineError`s only, and those that concern the request before its first chunk.
    """

    @property
    def info(self) -> ModelInfo: ...

    def generate(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]: ...

    async def load(self) -> None:
        """Make ready to answer, warm-up included. Raises `EngineUnavailable`."""
        ...

    def health(self) -> Health:
        """Cheap and synchronous: read at every probe and scrape."""
        ...

    async def aclose(self) -> None: ...
