"""One request's state on its way through the pipeline, and the events that travel back."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, Protocol

import msgspec

from engine.types import ChatChunk, ChatRequest, Medium, Notice, Usage
from gateway.principal import LOCAL, Principal

Lane = Literal["interactive", "batch", "video"]
CacheUse = Literal["hit", "miss", "coalesced", "bypass"]

Ranges = tuple[tuple[int, int], ...]
"""Ranges of page numbers, from 1, both ends included."""


_SLACK_S = 60.0


class Plan(msgspec.Struct, frozen=True):
    """How a call is worked page by page; see `gateway/stages/pages.py`."""

    page: Callable[[int, Medium], ChatRequest]
    """Makes the request about one page, given its number and picture."""
    summarise: Callable[[Mapping[int, str]], ChatRequest]
    """Makes the request that joins the answers, given by page number in page order."""
    selection: Ranges = ()
    """Which pages of a document to read; empty for all."""


class CacheControl(msgspec.Struct, frozen=True):
    """What a request's `Cache-Control` asks for."""

    no_cache: bool = False
    """Answer anew; the new answer may be kept."""
    no_store: bool = False
    """Neither give a kept answer nor keep this one."""
    max_age: int | None = None
    """Oldest answer that is welcome, in seconds. Naming it asks for the cache where it is not the rule."""


class Notes(msgspec.Struct):
    """What stages want the reply to say about how it came about. Complete when the first event is there."""

    cache: CacheUse | None = None
    age: float | None = None
    """Seconds since a kept answer was made."""
    degraded: str | None = None
    """Why the smaller model answered; `None` where the one that was asked for did."""
    queued_s: float | None = None
    """Seconds it waited for a slot."""
    last: ChatChunk | None = None
    """Of a run that others share: its last chunk, for the call that pays for it, which may have left."""
    limits: Mapping[str, str] = {}
    """Headers about the limits of the caller's key."""
    spent: dict[str, float] = {}
    """Seconds that stages took, by what they did: `media`, `cache`, `prepare`."""

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long the block takes."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent[what] = time.monotonic() - began

    def join(self, parts: list[Notes]) -> None:
        """Say of the whole what holds of its parts: a hit only if all were, degraded if one was."""
        uses = {part.cache for part in parts}
        self.cache = uses.pop() if len(uses) == 1 else "miss"
        self.age = max((part.age for part in parts if part.age is not None), default=None)
        self.degraded = next((part.degraded for part in parts if part.degraded), None)
        self.queued_s = max((part.queued_s for part in parts if part.queued_s is not None), default=None)
        for part in parts:
            for what, seconds in part.spent.items():
                self.spent[what] = max(seconds, self.spent.get(what, 0.0))


class Bill(msgspec.Struct):
    """What a request has come to so far; its pages write into the same one."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Those of the input that the engine had in its prefix cache."""
    image_tokens: int = 0
    """Those of the input that stand for pictures, by their size."""
    cost: int = 0
    """In billionths of the currency's unit."""
    currency: str = ""
    """Empty where nothing has a price."""
    model: str = ""
    """The model that answered last."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def amount(self) -> float | None:
        """The cost in the currency's unit; `None` where nothing has a price."""
        return self.cost / 1e9 if self.currency else None


class Entry(Protocol):
    """Whether a call may come in, which is found out while it is already on its way."""

    async def admitted(self) -> None:
        """Returns when it is known that it may. Raises `GatewayError` where it may not."""
        ...


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
    part: bool = False
    """Whether it is a page of another call, or the summary of its pages."""
    principal: Principal = LOCAL
    """Who asks."""
    cache_control: CacheControl = CacheControl()
    allow_degraded: bool = True
    """Whether a smaller model may answer when this one is full."""
    cache_key: str | None = None
    """Under which the answer is kept; `None` where it must not be."""
    notes: Notes = msgspec.field(default_factory=Notes)
    bill: Bill = msgspec.field(default_factory=Bill)
    entry: Entry | None = None
    """Asked by the stages up to the cache before they do what costs; `None` where all may come in."""
    reserved: Any = None
    """What the request holds of its key's limits; see `gateway/accounts/reservation.py`."""
    background: bool = False
    """Whether it is to be answered later, as a job."""
    mask_pii: bool = False
    """Whether personal numbers and addresses are masked in the answer."""
    notices: list[Notice] = []
    """What the answer should tell beside itself. A child call shares its parent's list."""
    received: float = msgspec.field(default_factory=time.monotonic)
    first_chunk: float | None = None
    """When the first chunk came back, on the clock of `received`."""

    async def admitted(self) -> None:
        """Returns when the call is let in. Raises `GatewayError`."""
        if self.entry is not None:
            await self.entry.admitted()

    @property
    def stream(self) -> bool:
        return self.chat.stream

    @property
    def tenant(self) -> str:
        return self.principal.tenant

    @property
    def lease_s(self) -> float:
        """Seconds after which what it holds may lapse, should nobody give it back."""
        return max(0.0, self.deadline - time.monotonic()) + _SLACK_S

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
