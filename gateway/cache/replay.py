"""An answer to one chunk that can be kept, and back into the reply to another request."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from engine.types import ChatChunk, ChatRequest, Choice, Usage
from gateway.cache.entry import Entry
from gateway.call import Call, Events
from gateway.stream import FoldedChoice, Reply

_TOKEN = re.compile(r"\s*[\u3040-\u9fff\uac00-\ud7af]|\s*[^\W\u3040-\u9fff\uac00-\ud7af]+|\s*[^\w\s]|\s+")
"""A word with the blanks before it, one Han, kana or Hangul sign, or one punctuation mark."""


def fresh(entry: Entry, call: Call) -> bool:
    """Whether the call takes an answer of this age."""
    max_age = call.cache_control.max_age
    return max_age is None or entry.age(time.time()) <= max_age


async def give_again(entry: Entry, call: Call) -> Events:
    """A kept answer as the call's own, noted as a hit."""
    call.notes.cache, call.notes.age = "hit", entry.age(time.time())
    call.notices.extend(entry.notices)
    for chunk in replay(entry.answer, call.chat):
        yield chunk


def whole(reply: Reply) -> ChatChunk:
    """All that came for a request, as the one chunk of a request that is not streamed."""
    choices = sorted(reply.choices, key=lambda choice: choice.index)
    return ChatChunk(
        id="",
        model=reply.model,
        created=reply.created,
        choices=tuple(_unfold(choice) for choice in choices),
        usage=reply.usage,
        experts=reply.experts,
    )


def replay(answer: ChatChunk, request: ChatRequest) -> Iterator[ChatChunk]:
    """The kept answer as the reply to `request`: in one piece, or token by token where it streams.

    Its usage counts the whole prompt as cached.
    """
    usage = answer.usage or Usage()
    usage = msgspec.structs.replace(usage, cached_tokens=usage.prompt_tokens)
    answer = msgspec.structs.replace(answer, id=request.id, usage=usage)
    if not request.stream:
        yield answer
        return
    head = msgspec.structs.replace(answer, choices=(), usage=None, experts=None)
    for choice in answer.choices:
        for piece in _pieces(choice):
            yield msgspec.structs.replace(head, choices=(piece,))
    yield msgspec.structs.replace(answer, choices=())


def _unfold(choice: FoldedChoice) -> Choice:
    return Choice(
        index=choice.index,
        content=choice.content,
        reasoning=choice.reasoning,
        tool_calls=choice.tool_calls or None,
        finish_reason=choice.finish_reason,
        logprobs={"content": choice.logprobs} if choice.logprobs else None,
        logprob_sum=choice.logprob_sum if choice.scored_tokens else None,
        token_count=choice.scored_tokens,
    )


def _pieces(choice: Choice) -> Iterator[Choice]:
    """Reasoning, then text, then what belongs to the whole choice."""
    for text in _TOKEN.findall(choice.reasoning):
        yield Choice(index=choice.index, reasoning=text)
    yield from _scored(choice) if choice.logprobs else _plain(choice)
    yield Choice(
        index=choice.index,
        tool_calls=choice.tool_calls,
        finish_reason=choice.finish_reason,
        logprob_sum=choice.logprob_sum,
        token_count=choice.token_count,
    )


def _plain(choice: Choice) -> Iterator[Choice]:
    for text in _TOKEN.findall(choice.content):
        yield Choice(index=choice.index, content=text)


def _scored(choice: Choice) -> Iterator[Choice]:
    """As many pieces as there are scored tokens, each with its own log-probability."""
    tokens: list[dict[str, Any]] = (choice.logprobs or {})["content"]
    rest = choice.content
    for number, token in enumerate(tokens, 1):
        # A token may be half a character, which `rest` holds whole: the last piece takes what is left.
        text = token.get("token", "") if rest.startswith(token.get("token", "")) else ""
        text = rest if number == len(tokens) else text
        rest = rest[len(text) :]
        yield Choice(index=choice.index, content=text, logprobs={"content": [token]})
