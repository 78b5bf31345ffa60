"""What vLLM gives back, as chunks.

Two ways out of vLLM meet here: `RequestOutput`s of the bare engine, which cost nothing to
read, and the replies of vLLM's chat-serving object, which parses tools and reasoning and
renders log-probabilities.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import GenerationFailed, InvalidRequest
from engine.types import ChatChunk, Choice, FinishReason, Usage

if TYPE_CHECKING:
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionResponse
    from vllm.outputs import CompletionOutput, RequestOutput

_FINISH: dict[str, FinishReason] = {"stop": "stop", "length": "length", "tool_calls": "tool_calls"}


class OutputReader:
    """Turns the `RequestOutput`s of one request into chunks; keeps its running totals."""

    def __init__(self, request_id: str, model: str) -> None:
        self._id = request_id
        self._model = model
        self._created = int(time.time())
        self._tokens: dict[int, int] = {}
        self._logprobs: dict[int, float] = {}

    def chunk(self, output: RequestOutput) -> ChatChunk:
        """Raises `GenerationFailed` where the engine ended the request with an error."""
        choices = tuple(self._choice(o) for o in output.outputs)
        usage = None
        if output.finished:
            usage = Usage(
                prompt_tokens=len(output.prompt_token_ids or ()),
                completion_tokens=sum(self._tokens.values()),
                cached_tokens=output.num_cached_tokens or 0,
            )
        return ChatChunk(
            id=self._id,
            model=self._model,
            created=self._created,
            choices=choices,
            usage=usage,
            experts=_experts(output) if output.finished else None,
        )

    def _choice(self, output: CompletionOutput) -> Choice:
        if output.finish_reason == "error":
            raise GenerationFailed("The model failed on this request.")
        index, count = output.index, len(output.token_ids)
        self._tokens[index] = self._tokens.get(index, 0) + count
        gained = None
        if output.cumulative_logprob is not None:
            gained = output.cumulative_logprob - self._logprobs.get(index, 0.0)
            self._logprobs[index] = output.cumulative_logprob
        return Choice(
            index=index,
            content=output.text,
            finish_reason=_FINISH.get(output.finish_reason) if output.finish_reason else None,
            logprob_sum=gained,
            token_count=count,
        )


def _experts(output: RequestOutput) -> int | None:
    """Distinct experts over all layers and tokens, where the engine returns its routing."""
    routed = [o.routed_experts for o in output.outputs if o.routed_experts is not None]
    if not routed:
        return None
    # routed_experts is [tokens, layers, top_k]; an expert counts once for each layer it ran in.
    layers = routed[0].shape[1]
    return sum(len({int(e) for r in routed for e in r[:, layer].ravel()}) for layer in range(layers))


# What vLLM's serving object streams, as far as it is read here.


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class _StreamChoice(msgspec.Struct):
    index: int
    delta: _Delta
    logprobs: dict[str, Any] | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int | None = 0
    prompt_tokens_details: _Details | None = None


class _Error(msgspec.Struct):
    message: str = ""
    code: int | None = None
    param: str | None = None


class _Frame(msgspec.Struct):
    choices: list[_StreamChoice] = []
    usage: _Usage | None = None
    error: _Error | None = None


_frames = msgspec.json.Decoder(_Frame)


def from_sse(text: str, request_id: str, model: str, created: int) -> ChatChunk | None:
    """One `data:` frame of vLLM's stream as a chunk; `None` for its end mark.

    Raises `InvalidRequest` or `GenerationFailed` for an error frame.
    """
    payload = text.removeprefix("data: ").rstrip()
    if payload == "[DONE]":
        return None
    frame = _frames.decode(payload)
    if frame.error is not None:
        raise failure(frame.error.code or 500, frame.error.param)
    return ChatChunk(
        id=request_id,
        model=model,
        created=created,
        choices=tuple(_stream_choice(c) for c in frame.choices),
        usage=_usage(frame.usage),
    )


def from_response(response: ChatCompletionResponse, request_id: str, model: str) -> ChatChunk:
    """vLLM's whole reply as the one chunk of a request that is not streamed."""
    choices = []
    for choice in response.choices:
        message = choice.message
        calls = [call.model_dump(exclude_none=True) for call in message.tool_calls or ()]
        logprobs = choice.logprobs.model_dump() if choice.logprobs else None
        choices.append(
            Choice(
                index=choice.index,
                content=message.content or "",
                reasoning=message.reasoning or "",
                tool_calls=[{"index": i, **call} for i, call in enumerate(calls)] or None,
                finish_reason=_FINISH.get(choice.finish_reason or "stop"),
                logprobs=logprobs,
                **_scored(logprobs),
            )
        )
    usage = msgspec.convert(response.usage.model_dump(), _Usage)
    return ChatChunk(
        id=request_id, model=model, created=response.created, choices=tuple(choices), usage=_usage(usage)
    )


def failure(status: int, param: str | None) -> Exception:
    """The error for a status that vLLM's serving object gave. Its text stays inside."""
    if 400 <= status < 500:
        where = f" See {param}." if param else ""
        return InvalidRequest(f"The model cannot work on this request as it is.{where}", param)
    return GenerationFailed("The model failed on this request.")


def _stream_choice(choice: _StreamChoice) -> Choice:
    delta = choice.delta
    return Choice(
        index=choice.index,
        content=delta.content or "",
        reasoning=delta.reasoning or "",
        tool_calls=delta.tool_calls,
        finish_reason=_FINISH.get(choice.finish_reason) if choice.finish_reason else None,
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
