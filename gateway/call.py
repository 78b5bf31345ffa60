"""One request's state on its way through the pipeline, and the events that travel back."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Literal

import msgspec

from engine.types import ChatChunk, ChatRequest, Medium, Notice, Usage

Lane = Literal["interactive", "batch", "video"]

Ranges = tuple[tuple[int, int], ...]
"""Ranges of page numbers, from 1, both ends included."""


class Plan(msgspec.Struct, frozen=True):
    """How a call is worked page by page; see `gateway/stages/pages.py`."""

    page: Callable[[int, Medium], ChatRequest]
    """Makes the request about one page, given its number and picture."""
    summarise: Callable[[Mapping[int, str]], ChatRequest]
    """Makes the request that joins the answers, given by page number in page order."""
    selection: Ranges = ()
    """Which pages of a document to read; empty for all."""


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
    mask_pii: bool = False
    """Whether personal numbers and addresses are masked in the answer."""
    notices: list[Notice] = []
    """What the answer should tell beside itself. A child call shares its parent's list."""
    received: float = msgspec.field(default_factory=time.monotonic)
    first_chunk: float | None = None
    """When the first chunk came back, on the clock of `received`."""

    @property
    def stream(self) -> bool:
        return self.chat.stream

    @property
    def media(self) -> list[Medium]:
        return self.chat.media


class Progress(msgspec.Struct, frozen=True):
    """A page is done."""

    done: int
    total: int
    page: int
    """Number of the page in its document (or among the images), from 1."""
    answer: str
    usage: Usage = Usage()


Event = ChatChunk | Progress

Events = AsyncGenerator[Event, None]
"""What a call gives back. Closing it (`aclose`) ends the work behind it."""


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"
