"""Masks personal data in an answer while it streams."""

from __future__ import annotations

import msgspec

from engine.types import ChatChunk, Choice
from gateway.safety.personal import UNFINISHED, mask


class StreamMask:
    """Rewrites the text of chunks; what may become personal data waits for what follows it."""

    def __init__(self) -> None:
        self._waiting: dict[int, str] = {}

    def chunk(self, chunk: ChatChunk) -> ChatChunk:
        return msgspec.structs.replace(chunk, choices=tuple(map(self._choice, chunk.choices)))

    def _choice(self, choice: Choice) -> Choice:
        text = self._waiting.pop(choice.index, "") + choice.content
        if not choice.finish_reason and (unfinished := UNFINISHED.search(text)):
            self._waiting[choice.index] = text[unfinished.start() :]
            text = text[: unfinished.start()]
        # Log-probabilities spell the answer out token by token.
        return msgspec.structs.replace(
            choice, content=mask(text), reasoning=mask(choice.reasoning), logprobs=None
        )
