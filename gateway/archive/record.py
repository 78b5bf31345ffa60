"""What the archive holds of a request: its lineage, and the question and answer that it refers to."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Literal

import msgspec

Mark = Literal["right", "corrected", "wrong"]

_encode = msgspec.json.Encoder(order="deterministic").encode


class KeptMedium(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture, clip or document of a question."""

    kind: str
    sha256: str
    """Of the bytes that the client sent."""
    bytes: int
    mime: str | None = None
    original: str | None = None
    """Digest under which its bytes lie in the archive: the blackened picture's where regions were
    blackened; `None` where they are not kept."""
    options: dict[str, Any] = {}
    """How it was prepared for the model."""
    parts: tuple[KeptMedium, ...] = ()
    """The pictures that a clip was given as."""


class KeptChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    content: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = []
    finish_reason: str | None = None


class KeptPage(msgspec.Struct, frozen=True):
    page: int
    answer: str


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question as the model saw it, and its answer. The same ones twice are one result."""

    task: str
    model: str
    """The one that answered."""
    revision: str
    prompt_version: str
    policy_version: str
    messages: list[dict[str, Any]]
    """As OpenAI's; a medium is `{"type": <its kind>, "medium": <its place in media>}`."""
    media: list[KeptMedium] = []
    sampling: dict[str, Any] = {}
    response_format: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    choices: list[KeptChoice]
    pages: list[KeptPage] = []
    """What was answered about each page of a document."""

    @property
    def answer(self) -> str:
        return self.choices[0].content

    @property
    def question(self) -> str:
        """The text of the last thing that the user said."""
        said = next((m["content"] for m in reversed(self.messages) if m["role"] == "user"), "")
        if isinstance(said, str):
            return said
        return "\n".join(part["text"] for part in said or () if part["type"] == "text")

    def encode(self) -> tuple[str, bytes]:
        """Its digest, and its stored form, of which that is the digest."""
        data = _encode(self)
        return sha256(data).hexdigest(), data


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request: who asked, when, of what, and what it got."""

    request_id: str
    time: float
    """When the answer was complete, in seconds since 1970."""
    tenant: str
    key: str
    wire: str
    task: str
    lane: str
    stream: bool
    model: str
    """The one that was asked."""
    answered_by: str
    revision: str
    prompt_version: str
    policy_version: str
    cache: str | None
    """`hit` or `coalesced` where no engine ran for this request."""
    degraded: str | None
    """Why a smaller model answered; `None` where the one that was asked for did."""
    masked: bool
    """Whether personal data is masked in question and answer."""
    confidence: float | None
    input_tokens: int
    output_tokens: int
    media: list[str]
    """SHA-256 of what the client sent."""
    originals: list[str]
    """Digests under which the archive has it."""
    result: str
    """Digest of question and answer."""


class Review(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person thought of a result."""

    result: str
    mark: Mark
    answer: str | None = None
    """What would have been right; of a corrected result."""
    by: str = ""
    time: float = 0.0
    note: str = ""


decode_result = msgspec.json.Decoder(Result).decode
decode_record = msgspec.json.Decoder(Record).decode
decode_review = msgspec.json.Decoder(Review).decode
