"""What answers and events are."""

from __future__ import annotations

from typing import Any

import msgspec


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    amount: float
    currency: str


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """How an answer came about."""

    model: str = ""
    processing_time_ms: int = 0
    activated_experts: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    finish_reason: str | None = None
    degraded: bool = False
    """Whether a smaller model answered, since the one that was asked was full."""
    warnings: list[Any] = []
    cost: Cost | None = None
    """`None` where the gateway has no prices."""


class Page(msgspec.Struct, frozen=True):
    page: int
    answer: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to one question."""

    answer: str
    confidence: float | None = None
    data: Any = None
    """The answer as parsed JSON, for tasks with a schema."""
    reasoning: str = ""
    """What a thinking model thought before it answered."""
    pages: list[Page] = []
    metadata: Metadata = Metadata()
    request_id: str = ""
    code: int = 0

    @property
    def text(self) -> str:
        return self.answer


class TokenEvent(msgspec.Struct, frozen=True):
    token: str
    index: int


class ReasoningEvent(msgspec.Struct, frozen=True):
    """A piece of what a thinking model thinks before it answers."""

    token: str
    index: int


class ProgressEvent(msgspec.Struct, frozen=True):
    """A page of a document is done."""

    done: int
    total: int
    page: int
    answer: str


class FinalEvent(msgspec.Struct, frozen=True):
    answer: Answer


Event = TokenEvent | ReasoningEvent | ProgressEvent | FinalEvent
