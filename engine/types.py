"""The nouns of the house: one chat-completions request, its media, and the chunks that answer it.

Every wire format and every task is translated into a `ChatRequest`; every reply is
translated out of `ChatChunk`s. Names follow OpenAI's chat-completions API, which is the
inner language of the gateway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from PIL.Image import Image

MediumKind = Literal["image", "video", "document"]
Preprocess = Literal["none", "auto", "scan"]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""
Role = Literal["system", "user", "assistant", "tool", "developer"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


class MediumOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a medium is prepared. An answer depends on it as it does on the bytes."""

    preprocess: Preprocess = "none"
    redact: tuple[Box, ...] = ()
    """Blackened before anything else; in pixels of the upright source (of a page: as rendered)."""
    truncate: bool = False
    """Whether a video that is too long is cut instead of refused."""
    page: int | None = None
    """The page of a document that this image is, from 1."""
    dpi: int | None = None
    """Dots per inch at which a page is rendered; `None` for the configured default."""


class Notice(msgspec.Struct, frozen=True):
    """Something a client should know about an answer that it gets all the same."""

    code: str
    message: str


class Medium(msgspec.Struct, eq=False):
    """One picture, clip or document on its way through the gateway.

    A document is replaced by its pages, each an image, before anything is decoded; none reaches an engine.

    `source` is what the client gave and never reaches a log. The media stages fill the
    rest in, top to bottom: bytes and their digest first, decoded frames last, so that a
    cached answer never pays for decoding.
    """

    kind: MediumKind
    source: str
    options: MediumOptions = MediumOptions()
    data: bytes | None = None
    mime: str | None = None
    parts: tuple[Medium, ...] = ()
    """The images a video was given as, in time order; empty for a file."""
    sha256: str | None = None
    """Hex SHA-256 of the source bytes."""
    frames: tuple[Image, ...] = ()
    """RGB pictures; exactly one for an image, in time order for a video."""
    timestamps: tuple[float, ...] = ()
    """Seconds from the start of the video, one per frame; empty for an image."""
    digest: str | None = None
    """Hex digest of what `frames` show: the name engines may cache this medium under."""
    as_sent: str | None = None
    """The MIME type of `data`, where it is one whole picture that `frames` shows just as it is, and holds
    nothing else: such a file may be handed on in place of its pixels."""
    notices: tuple[Notice, ...] = ()
    """What happened to it on the way that its answer should tell."""


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    text: str


class MediaPart(msgspec.Struct, frozen=True, tag="media"):
    medium: Medium


Part = TextPart | MediaPart


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    role: Role
    content: str | tuple[Part, ...] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Fields that change which tokens come out; `None` leaves the engine's own default."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: list[str] | None = None
    n: int = 1
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    ignore_eos: bool = False
    """Go on to `max_tokens` even where the model would end: for measurements."""


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine is asked. Immutable: a stage that changes it makes a copy."""

    id: str
    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    stream: bool = False
    response_format: dict[str, Any] | None = None
    """OpenAI's `response_format`, checked by the wire format that accepted it."""
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    score: bool = False
    """Whether chunks should carry `logprob_sum`, for the confidence of an answer."""
    salt: str | None = None
    """Keeps one tenant's prefix cache apart from another's; never taken from a client."""
    priority: int = 0
    trace_headers: dict[str, str] | None = None
    """W3C trace context of the span that this request belongs to."""

    @property
    def media(self) -> list[Medium]:
        """Every medium in the order in which the model sees it."""
        return [
            part.medium
            for message in self.messages
            if isinstance(message.content, tuple)
            for part in message.content
            if isinstance(part, MediaPart)
        ]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


class Choice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one choice gained since the last chunk (the whole answer when not streamed)."""

    index: int = 0
    content: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] | None = None
    finish_reason: FinishReason | None = None
    logprobs: dict[str, Any] | None = None
    """OpenAI's `logprobs` object, present only where the client asked for it."""
    logprob_sum: float | None = None
    """Sum of the natural-log probabilities of this chunk's tokens, where the engine gives them."""
    token_count: int = 0


class ChatChunk(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    model: str
    created: int
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    """On the last chunk (the only one, when not streamed)."""
    experts: int | None = None
    """Distinct experts that ran, where the engine returns its routing."""
