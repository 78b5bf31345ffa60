"""vLLM's bare `RequestOutput`s as chunks: no text is written and parsed again for a token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from engine.errors import EngineError, GenerationFailed, InvalidRequest
from engine.types import ChatChunk, Choice, FinishReason, Usage

if TYPE_CHECKING:
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


def failure(status: int, param: str | None) -> EngineError:
    """The error for a status that vLLM's serving object gave. Its text stays inside."""
    if 400 <= status < 500:
        where = f" See {param}." if param else ""
        return InvalidRequest(f"The model cannot work on this request as it is.{where}", param)
    return GenerationFailed("The model failed on this request.")
