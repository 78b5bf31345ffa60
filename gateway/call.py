"""One request's state on its way through the pipeline, and the events that travel back."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable
from typing import Literal

import msgspec

from engine.types import ChatChunk, ChatRequest, Medium, Usage

Lane = Literal["interactive", "batch", "video"]


class Plan(msgspec.Struct, frozen=True):
    """What a call needs to be worked page by page; see `gateway/stages/pages.py`."""

    page_requests: tuple[ChatRequest, ...]
    summarise: Callable[[list[str]], ChatRequest]
    """Makes the request that joins the pages' answers, given in page order."""


class Call(msgspec.Struct, kw_only=True):
    """One request. Stages read it, and write only the fields that are theirs."""

    request_id: str
    chat: ChatRequest
    wire: str
    """Name of the wire format it came in."""
    task: str = ""
    """Name of the task; empty for a plain chat."""
    lane: Lane = "interactive"
    deadline: float
    """`time.monotonic()` by which the answer must be complete."""
    plan: Plan | None = None
    tenant: str = "local"
    received: float = msgspec.field(default_factory=time.monotonic)
    first_chunk: float | None = None
    """When the first chunk came back, on the clock of `received`."""

    @property
    def stream(self) -> bool:
        return self.chat.stream

    @property
    def media(self) -> list[Medium]:
        """Every medium of the call; those of all pages, where it has a plan."""
        if self.plan is None:
            return self.chat.media
        return [medium for request in self.plan.page_requests for medium in request.media]


class Progress(msgspec.Struct, frozen=True):
    """A page of a document is done."""

    done: int
    total: int
    page: int
    """Number of the page that was finished, from 1."""
    answer: str
    usage: Usage = Usage()


Event = ChatChunk | Progress

Events = AsyncGenerator[Event, None]
"""What a call gives back. Closing it (`aclose`) ends the work behind it."""


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"
