"""OpenAI's replies, whole or streamed, as chunks. Shared by the engines that read this format."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from engine.errors import EngineError, GenerationFailed, InvalidRequest
from engine.types import ChatChunk, Choice, FinishReason, Usage

_FINISH: dict[str | None, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
}


class _Message(msgspec.Struct):
    """A delta, or a whole message: they share their fields."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    logprobs: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_replies = msgspec.json.Decoder(_Reply)


class ReplyDecoder:
    """Reads the replies to one request."""

    def __init__(self, request_id: str, model: str) -> None:
        self._id = request_id
        self._model = model
        self._created = int(time.time())

    def frame(self, payload: bytes) -> ChatChunk | None:
        """What stands behind `data:`; `None` for the end mark. Raises `EngineError`."""
        return None if payload == b"[DONE]" else self.whole(payload)

    def whole(self, payload: bytes | str) -> ChatChunk:
        """A reply or a chunk of one. Raises `EngineError` for an error or for what is no JSON."""
        try:
            reply = _replies.decode(payload)
        except msgspec.DecodeError as error:
            raise GenerationFailed("The model's server gave an answer that cannot be read.") from error
        if reply.error is not None:
            raise _failure(reply.error)
        return ChatChunk(
            id=self._id,
            model=self._model,
            created=self._created,
            choices=tuple(_choice(choice) for choice in reply.choices),
            usage=_usage(reply.usage),
        )


def _failure(error: Any) -> EngineError:
    """The error that came in place of an answer. Its words stay inside."""
    status = error.get("code") if isinstance(error, dict) else None
    if isinstance(status, int) and 400 <= status < 500:
        return InvalidRequest("The model cannot work on this request as it is.")
    return GenerationFailed("The model failed on this request.")


def _choice(choice: _Choice) -> Choice:
    message = choice.delta or choice.message or _Message()
    calls = message.tool_calls
    if choice.message is not None and calls:
        calls = [{"index": number, **call} for number, call in enumerate(calls)]
    return Choice(
        index=choice.index,
        content=message.content or "",
        reasoning=message.reasoning or message.reasoning_content or "",
        tool_calls=calls or None,
        finish_reason=_FINISH.get(choice.finish_reason),
        logprobs=choice.logprobs,
        **_scored(choice.logprobs),
    )


def _scored(logprobs: dict[str, Any] | None) -> dict[str, Any]:
    """`logprob_sum` and `token_count` of OpenAI's `logprobs` object."""
    content = (logprobs or {}).get("content")
    if not content:
        return {}
    return {"logprob_sum": sum(t["logprob"] for t in content), "token_count": len(content)}


def _usage(usage: _Usage | None) -> Usage | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    return Usage(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens or 0,
        cached_tokens=(details.cached_tokens or 0) if details else 0,
    )
