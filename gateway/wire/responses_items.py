"""The items of a response: thoughts, words and calls of functions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from engine.types import Choice

Events = list[tuple[str, dict[str, Any]]]
"""Events of one item: their type, and their fields beside the item's index."""


class Item(Protocol):
    index: int
    """Its place in the output."""

    def takes(self, piece: Choice) -> bool:
        """Whether a piece of the answer goes on with this item."""
        ...

    def opening(self) -> Events: ...

    def add(self, piece: Choice) -> tuple[str, dict[str, Any]]:
        """Take the piece in, and tell of it."""
        ...

    def closing(self) -> Events: ...

    def whole(self) -> dict[str, Any]:
        """The item as it stands in the output."""
        ...


def item_for(piece: Choice, request_id: str, index: int) -> Item:
    """The item that a piece begins."""
    if piece.reasoning:
        return Thoughts(f"rs_{request_id}_{index}", index)
    if piece.tool_calls:
        return FunctionCall(f"fc_{request_id}_{index}", index, piece.tool_calls[0])
    return Words(f"msg_{request_id}_{index}", index)


class _Spoken(ABC):
    """An item with one part of text, which comes bit by bit."""

    event: str
    part: str

    def __init__(self, item_id: str, index: int) -> None:
        self.id = item_id
        self.index = index
        self._text: list[str] = []
        self._logprobs: list[Any] = []

    def opening(self) -> Events:
        part = {"item_id": self.id, "content_index": 0, "part": self._part("")}
        added = {"item": self._item("in_progress", [])}
        return [("response.output_item.added", added), ("response.content_part.added", part)]

    def closing(self) -> Events:
        place: dict[str, Any] = {"item_id": self.id, "content_index": 0}
        part = self._part("".join(self._text))
        done = {key: part[key] for key in ("text", "logprobs") if key in part}
        return [
            (f"response.{self.event}.done", place | done),
            ("response.content_part.done", place | {"part": part}),
            ("response.output_item.done", {"item": self.whole()}),
        ]

    def whole(self) -> dict[str, Any]:
        return self._item("completed", [self._part("".join(self._text))])

    @abstractmethod
    def _item(self, status: str, content: list[Any]) -> dict[str, Any]:
        """The item as it is now, in the shape of its kind."""

    def _part(self, text: str) -> dict[str, Any]:
        return {"type": self.part, "text": text}

    def _delta(self, text: str, **rest: Any) -> tuple[str, dict[str, Any]]:
        self._text.append(text)
        place = {"item_id": self.id, "content_index": 0}
        return f"response.{self.event}.delta", place | {"delta": text} | rest


class Thoughts(_Spoken):
    event = part = "reasoning_text"

    def takes(self, piece: Choice) -> bool:
        return bool(piece.reasoning)

    def add(self, piece: Choice) -> tuple[str, dict[str, Any]]:
        return self._delta(piece.reasoning)

    def _item(self, status: str, content: list[Any]) -> dict[str, Any]:
        return {"id": self.id, "type": "reasoning", "summary": [], "content": content, "status": status}


class Words(_Spoken):
    event = part = "output_text"

    def takes(self, piece: Choice) -> bool:
        return not piece.reasoning and not piece.tool_calls

    def add(self, piece: Choice) -> tuple[str, dict[str, Any]]:
        gained = (piece.logprobs or {}).get("content") or []
        self._logprobs.extend(gained)
        return self._delta(piece.content, logprobs=gained)

    def _item(self, status: str, content: list[Any]) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _part(self, text: str) -> dict[str, Any]:
        return super()._part(text) | {"annotations": [], "logprobs": self._logprobs if text else []}


class FunctionCall:
    def __init__(self, item_id: str, index: int, call: dict[str, Any]) -> None:
        self.id = item_id
        self.index = index
        self._number = call.get("index", 0)
        self._call_id = call.get("id") or item_id
        self._name = (call.get("function") or {}).get("name") or ""
        self._arguments: list[str] = []

    def takes(self, piece: Choice) -> bool:
        return bool(piece.tool_calls) and (piece.tool_calls or [])[0].get("index", 0) == self._number

    def opening(self) -> Events:
        return [("response.output_item.added", {"item": self._item("in_progress")})]

    def add(self, piece: Choice) -> tuple[str, dict[str, Any]]:
        text = ((piece.tool_calls or [{}])[0].get("function") or {}).get("arguments") or ""
        self._arguments.append(text)
        return "response.function_call_arguments.delta", {"item_id": self.id, "delta": text}

    def closing(self) -> Events:
        done = {"item_id": self.id, "name": self._name, "arguments": "".join(self._arguments)}
        return [
            ("response.function_call_arguments.done", done),
            ("response.output_item.done", {"item": self.whole()}),
        ]

    def whole(self) -> dict[str, Any]:
        return self._item("completed")

    def _item(self, status: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "function_call",
            "call_id": self._call_id,
            "name": self._name,
            "arguments": "".join(self._arguments),
            "status": status,
        }
