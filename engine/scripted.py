"""A deterministic engine without a model, for tests and for work on user interfaces."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import AsyncGenerator

from engine.base import Health, ModelInfo
from engine.config import ScriptedConfig
from engine.errors import EngineUnavailable, Overloaded
from engine.types import ChatChunk, ChatRequest, Choice, FinishReason, TextPart, Usage

_TOKEN = re.compile(r"\s*\w+|\s*\W")
_LOGPROB = math.log(0.9)


class ScriptedEngine:
    """Answers with its script, or with a description of what it was sent, one word a token."""

    def __init__(self, name: str, config: ScriptedConfig) -> None:
        self._name = name
        self._config = config
        self._running = 0
        self._ready = False
        self.seen: list[ChatRequest] = []
        """Every request in order, for tests that look at what reached the engine."""
        self.aborted: list[str] = []
        """Ids of requests whose iterator was closed before its end."""
        self.fail_with: Exception | None = None
        """Raised in place of the next answers, for tests of what errors look like outside."""
        self.fail_after: int = 0
        """Tokens that come before `fail_with` is raised."""

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(max_context=4096, experts_per_token=2)

    async def load(self) -> None:
        self._ready = True

    def health(self) -> Health:
        return Health(ready=self._ready, running=self._running, detail="ready" if self._ready else "loading")

    async def aclose(self) -> None:
        self._ready = False

    async def generate(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        if not self._ready:
            raise EngineUnavailable(f"The model {self._name} is not loaded.")
        if self._running >= self._config.max_running:
            raise Overloaded("The model is busy.")
        self.seen.append(request)
        self._running += 1
        finished = False
        try:
            async for chunk in self._chunks(request):
                yield chunk
            finished = True
        finally:
            self._running -= 1
            if not finished:
                self.aborted.append(request.id)

    async def _chunks(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        if (name := _called(request)) is not None:
            yield self._tool_call(request, name)
            return
        thought = _TOKEN.findall(self._config.reasoning)
        tokens = thought + _TOKEN.findall(self._script(request) or _describe(request))
        limit = request.sampling.max_tokens or len(tokens)
        finish: FinishReason = "length" if limit < len(tokens) else "stop"
        tokens = tokens[:limit]
        usage = Usage(prompt_tokens=_prompt_tokens(request), completion_tokens=len(tokens))
        await asyncio.sleep(self._config.first_token_delay_ms / 1000)
        pieces = [(token, "") if i < len(thought) else ("", token) for i, token in enumerate(tokens)]
        if not request.stream:
            pieces = [("".join(t for t, _ in pieces), "".join(c for _, c in pieces))]
        for index, (reasoning, content) in enumerate(pieces):
            if self.fail_with is not None and index >= self.fail_after:
                raise self.fail_with
            count = 1 if request.stream else len(tokens)
            await asyncio.sleep(self._config.token_delay_ms / 1000 * count)
            last = index == len(pieces) - 1
            choice = Choice(
                content=content,
                reasoning=reasoning,
                finish_reason=finish if last else None,
                logprob_sum=_LOGPROB * count if request.score else None,
                token_count=count,
            )
            yield ChatChunk(
                id=request.id,
                model=request.model,
                created=int(time.time()),
                choices=(choice,),
                usage=usage if last else None,
            )

    def _script(self, request: ChatRequest) -> str:
        return self._config.adapters.get(request.model, self._config.answer)

    def _tool_call(self, request: ChatRequest, name: str) -> ChatChunk:
        function = {"name": name, "arguments": self._script(request) or "{}"}
        call = {"index": 0, "id": f"call_{request.id}", "type": "function", "function": function}
        return ChatChunk(
            id=request.id,
            model=request.model,
            created=int(time.time()),
            choices=(Choice(tool_calls=[call], finish_reason="tool_calls", token_count=1),),
            usage=Usage(prompt_tokens=_prompt_tokens(request), completion_tokens=1),
        )


def _called(request: ChatRequest) -> str | None:
    """The tool that must be called, if one must; the answer then stands for its arguments."""
    if not request.tools:
        return None
    if isinstance(request.tool_choice, dict):
        return str(request.tool_choice["function"]["name"])
    return str(request.tools[0]["function"]["name"]) if request.tool_choice == "required" else None


def _describe(request: ChatRequest) -> str:
    question = request.messages[-1].content or ""
    if not isinstance(question, str):
        question = " ".join(part.text for part in question if isinstance(part, TextPart))
    kinds = [medium.kind for medium in request.media]
    return f"I was sent {kinds.count('image')} images, {kinds.count('video')} videos and: {question}"


def _prompt_tokens(request: ChatRequest) -> int:
    texts = (str(message.content) for message in request.messages)
    return sum(len(text.split()) for text in texts) + 64 * len(request.media)
