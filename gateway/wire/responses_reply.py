"""The answers of OpenAI's Responses: items, each opened, filled and closed in a stream."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from engine.types import Choice, FinishReason, Usage
from gateway.call import Call, Event, Progress
from gateway.errors import GatewayError
from gateway.stream import FoldedChoice, Reply
from gateway.wire.base import json_encode, sse
from gateway.wire.openai_reply import failure_of
from gateway.wire.responses_body import ResponsesBody
from gateway.wire.responses_items import Item, item_for

_INCOMPLETE: dict[FinishReason | None, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class ResponsesEncoder:
    stream_type = "text/event-stream"

    def __init__(self, call: Call, request: ResponsesBody) -> None:
        self._call = call
        self._request = request
        self._reply = Reply()
        self._number = -1
        self._items: list[Item] = []
        self._open: Item | None = None

    def reply(self, reply: Reply) -> bytes:
        for piece in _pieces(reply.first):
            self._item(piece).add(piece)
        return json_encode(self._response(reply, _ended(reply)))

    def event(self, event: Event) -> bytes:
        self._reply.add(event)
        if isinstance(event, Progress):
            return b""
        frames = self._start()
        for choice in event.choices:
            for piece in _pieces(choice):
                frames += self._piece(piece)
        return frames

    def end(self) -> bytes:
        frames = self._start() + self._close()
        status = _ended(self._reply)
        return frames + self._event(f"response.{status}", response=self._response(self._reply, status))

    def failure(self, error: GatewayError) -> bytes:
        """The fields are those of the format's own event; its SDK raises only for the object in `error`."""
        failure = failure_of(error)
        return self._start() + self._event("error", error=failure, **failure | {"type": "error"})

    def _start(self) -> bytes:
        if self._number >= 0:
            return b""
        response = self._response(self._reply, "in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def _piece(self, piece: Choice) -> bytes:
        frames = b""
        if self._open is None or not self._open.takes(piece):
            frames += self._close()
        item = self._item(piece)
        if self._open is None:
            self._open = item
            frames += self._of(item, item.opening())
        return frames + self._of(item, [item.add(piece)])

    def _close(self) -> bytes:
        if (item := self._open) is None:
            return b""
        self._open = None
        return self._of(item, item.closing())

    def _item(self, piece: Choice) -> Item:
        """The item that the piece belongs to: the last one, or a new one."""
        if not self._items or not self._items[-1].takes(piece):
            self._items.append(item_for(piece, self._call.request_id, len(self._items)))
        return self._items[-1]

    def _of(self, item: Item, events: list[tuple[str, dict[str, Any]]]) -> bytes:
        return b"".join(self._event(kind, output_index=item.index, **rest) for kind, rest in events)

    def _event(self, kind: str, **rest: Any) -> bytes:
        self._number += 1
        return sse({"type": kind, "sequence_number": self._number, **rest}, kind)

    def _response(self, reply: Reply, status: str) -> dict[str, Any]:
        request = self._request
        ended = status != "in_progress"
        reason = _INCOMPLETE.get(reply.first.finish_reason)
        return {
            "id": f"resp_{self._call.request_id}",
            "object": "response",
            "created_at": reply.created or int(time.time()),
            "completed_at": int(time.time()) if status == "completed" else None,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": reason} if status == "incomplete" else None,
            "model": reply.model or self._call.chat.model,
            "output": [item.whole() for item in self._items] if ended else [],
            "usage": _usage(reply.usage) if ended else None,
            "instructions": request.instructions,
            "max_output_tokens": request.max_output_tokens,
            "metadata": request.metadata or {},
            "parallel_tool_calls": request.parallel_tool_calls is not False,
            "previous_response_id": None,
            "reasoning": {"effort": request.reasoning.effort if request.reasoning else None, "summary": None},
            "store": False,
            "temperature": request.temperature,
            "text": {"format": _format(request)},
            "tool_choice": request.tool_choice or "auto",
            "tools": request.tools or [],
            "top_p": request.top_p,
            "truncation": "disabled",
        }


def _format(request: ResponsesBody) -> Any:
    """The format of the text, as the request has it."""
    form = request.text.format if request.text else None
    if form is None or form.type != "json_schema":
        return {"type": form.type if form else "text"}
    return msgspec.to_builtins(form)


def _ended(reply: Reply) -> str:
    return "incomplete" if reply.first.finish_reason in _INCOMPLETE else "completed"


def _pieces(choice: Choice | FoldedChoice) -> list[Choice]:
    """What a choice gained, each piece for one item."""
    pieces = [Choice(reasoning=choice.reasoning)] if choice.reasoning else []
    if choice.content or choice.logprobs:
        logprobs = choice.logprobs
        found = {"content": logprobs} if isinstance(logprobs, list) else logprobs
        pieces.append(Choice(content=choice.content, logprobs=found))
    return pieces + [Choice(tool_calls=[call]) for call in choice.tool_calls or ()]


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total_tokens,
    }
