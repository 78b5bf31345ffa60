"""The name under which an answer is kept: everything that decides the answer, and nothing else."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import msgspec

from engine.types import ChatRequest, MediaPart, Medium, Message

_VERSION = 1
"""Raised when the key is built in another way."""

_encode = msgspec.json.Encoder(order="deterministic").encode


class Origin(msgspec.Struct, frozen=True):
    """What decides an answer beside the request itself."""

    scope: str
    """Who may share the answer; see `tenant_scope`."""
    revision: str
    """Which weights answer under the model's name."""
    task: str = ""
    prompt_version: str = ""
    preparation: str = ""
    """How media are prepared where the request does not say."""
    policy_version: str = ""
    """Version of the content policy that the answer has passed."""


SHARED = "shared"


@lru_cache(maxsize=4096)
def tenant_scope(tenant: str) -> str:
    """The scope of one tenant. Hashed, so that a tenant cannot be called like a scope of another kind."""
    return hashlib.sha256(tenant.encode()).hexdigest()[:16]


def answer_key(request: ChatRequest, origin: Origin) -> str:
    """The key: its scope, a colon, and a digest. Every medium must have its `sha256`.

    JSON objects that differ only in the order of their keys are the same; the order of messages,
    media and lists counts. A stream and a whole reply share one answer.
    """
    parts = [
        _VERSION,
        msgspec.to_builtins(origin),
        request.model,
        [_message(message) for message in request.messages],
        msgspec.to_builtins(request.sampling),
        request.response_format,
        request.tools,
        request.tool_choice,
        request.parallel_tool_calls,
        request.reasoning_effort,
        request.score,
    ]
    return f"{origin.scope}:{hashlib.sha256(_encode(parts)).hexdigest()}"


def _message(message: Message) -> list[Any]:
    content = message.content
    if isinstance(content, str):
        written: Any = [content]
    else:
        written = [_part(part) for part in content or ()]
    return [message.role, written, message.name, message.tool_calls, message.tool_call_id]


def _part(part: Any) -> Any:
    return _medium(part.medium) if isinstance(part, MediaPart) else part.text


def _medium(medium: Medium) -> dict[str, Any]:
    """Which bytes, and how they are prepared. A video given as images has one digest over all."""
    assert medium.sha256 is not None, "media are read before the key is known"
    options = [msgspec.to_builtins(one.options) for one in (medium, *medium.parts)]
    return {"kind": medium.kind, "sha256": medium.sha256, "options": options}
