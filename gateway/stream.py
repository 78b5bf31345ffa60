"""Folding events into a reply, and looking at the first one before deciding how to answer."""

from __future__ import annotations

import math
from contextlib import aclosing
from typing import Any

import msgspec

from engine.types import Choice, FinishReason, Usage
from gateway.call import Event, Events, Progress


class FoldedChoice(msgspec.Struct):
    """One choice, whole."""

    index: int
    content: str = ""
    reasoning: str = ""
    tool_calls: list[dict[str, Any]] = []
    finish_reason: FinishReason | None = None
    logprobs: list[Any] = []
    logprob_sum: float = 0.0
    scored_tokens: int = 0

    def add(self, choice: Choice) -> None:
        self.content += choice.content
        self.reasoning += choice.reasoning
        self.finish_reason = choice.finish_reason or self.finish_reason
        if choice.logprob_sum is not None:
            self.logprob_sum += choice.logprob_sum
            self.scored_tokens += choice.token_count
        if choice.logprobs:
            self.logprobs.extend(choice.logprobs.get("content") or ())
        for call in choice.tool_calls or ():
            add_tool_call(self.tool_calls, call)

    @property
    def confidence(self) -> float | None:
        """Geometric mean probability of the tokens, 0 to 1; `None` where the engine gave none."""
        if not self.scored_tokens:
            return None
        return math.exp(self.logprob_sum / self.scored_tokens)


class Reply(msgspec.Struct):
    """Everything that came back for one call."""

    model: str = ""
    created: int = 0
    choices: list[FoldedChoice] = []
    pages: list[Progress] = []
    usage: Usage = Usage()
    experts: int | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.pages.append(event)
            self.usage = _sum(self.usage, event.usage)
            return
        self.model, self.created = event.model, event.created
        for choice in event.choices:
            self._choice(choice.index).add(choice)
        if event.usage is not None:
            self.usage = _sum(self.usage, event.usage)
        self.experts = event.experts or self.experts

    def _choice(self, index: int) -> FoldedChoice:
        for choice in self.choices:
            if choice.index == index:
                return choice
        self.choices.append(FoldedChoice(index))
        return self.choices[-1]

    @property
    def first(self) -> FoldedChoice:
        return self._choice(0)


async def fold(events: Events) -> Reply:
    """Read `events` to the end and close them."""
    reply = Reply()
    async with aclosing(events):
        async for event in events:
            reply.add(event)
    return reply


def _sum(a: Usage, b: Usage) -> Usage:
    return Usage(
        prompt_tokens=a.prompt_tokens + b.prompt_tokens,
        completion_tokens=a.completion_tokens + b.completion_tokens,
        cached_tokens=a.cached_tokens + b.cached_tokens,
    )


def add_tool_call(calls: list[dict[str, Any]], delta: dict[str, Any]) -> None:
    """Join a streamed piece of a tool call to what came before under the same index."""
    index = delta.get("index", 0)
    for call in calls:
        if call["index"] == index:
            arguments = (delta.get("function") or {}).get("arguments") or ""
            call["function"]["arguments"] += arguments
            return
    function = {"name": "", "arguments": "", **(delta.get("function") or {})}
    calls.append({"index": index, "type": "function", **delta, "function": function})
