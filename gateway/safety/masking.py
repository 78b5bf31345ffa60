"""Masks personal data in an answer while it streams."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.types import ChatChunk, Choice
from gateway.safety.personal import UNFINISHED, mask, mask_json
from gateway.stream import add_tool_call


class StreamMask:
    """Rewrites what chunks say; what may become personal data waits for what follows it.

    Calls of tools wait until their choice ends: an escape or a number cut in two cannot be told before.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, str], str] = {}
        self._calls: dict[int, list[dict[str, Any]]] = {}
        self._last: ChatChunk | None = None

    def chunk(self, chunk: ChatChunk) -> ChatChunk:
        self._last = chunk
        return msgspec.structs.replace(chunk, choices=tuple(map(self._choice, chunk.choices)))

    def end(self) -> ChatChunk | None:
        """What still waits in a stream that broke off without a reason."""
        waiting = {index for (index, _), text in self._waiting.items() if text} | self._calls.keys()
        if self._last is None or not waiting:
            return None
        choices = tuple(self._choice(Choice(index=index), over=True) for index in sorted(waiting))
        return msgspec.structs.replace(self._last, choices=choices, usage=None, experts=None)

    def _choice(self, choice: Choice, *, over: bool = False) -> Choice:
        over = over or choice.finish_reason is not None
        # Thinking is over where the answer begins: what waits of it must not come after that.
        thought = over or bool(choice.content)
        return msgspec.structs.replace(
            choice,
            content=self._text((choice.index, "content"), choice.content, over),
            reasoning=self._text((choice.index, "reasoning"), choice.reasoning, thought),
            tool_calls=self._called(choice, over),
            logprobs=None,  # they spell the answer out token by token
        )

    def _text(self, voice: tuple[int, str], piece: str, over: bool) -> str:
        text = self._waiting.pop(voice, "") + piece
        if not over and (unfinished := UNFINISHED.search(text)):
            self._waiting[voice] = text[unfinished.start() :]
            text = text[: unfinished.start()]
        return mask(text)

    def _called(self, choice: Choice, over: bool) -> list[dict[str, Any]] | None:
        for piece in choice.tool_calls or ():
            add_tool_call(self._calls.setdefault(choice.index, []), piece)
        calls = self._calls.pop(choice.index, None) if over else None
        return [_mask_call(call) for call in calls] if calls else None


def _mask_call(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return call | {"function": function | {"arguments": mask_json(function["arguments"] or "")}}
