"""What can go wrong in an engine.

    EngineError
    ├── InvalidRequest          the request can never work as it is
    │   └── ContextTooLong      prompt and answer do not fit the model's context
    ├── Overloaded              full now; the same request may work later
    ├── GenerationFailed        this request failed inside the engine
    └── EngineUnavailable       the engine is not loaded, draining or dead

Messages are written for clients: they hold nothing of the engine's own text.
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of all engine errors; `str()` is safe to show to a client."""


class InvalidRequest(EngineError):
    """The request can never work as it is; `param` names the field, where known."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ContextTooLong(InvalidRequest):
    """Prompt and answer together do not fit into `limit` tokens."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"This model's maximum context length is {limit} tokens.", "messages")
        self.limit = limit


class Overloaded(EngineError):
    """The engine takes no further request now."""


class GenerationFailed(EngineError):
    """The engine failed on this request; others may go on."""


class EngineUnavailable(EngineError):
    """The engine is not loaded yet, is shutting down, or has died."""
