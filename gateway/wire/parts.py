"""Small pieces that several formats write their answers with."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.call import Event
from gateway.errors import GatewayError
from gateway.stream import Reply
from gateway.wire.base import json_encode


class CountEncoder:
    """Says how many tokens the prompt has, under the format's own name. Never streamed."""

    stream_type = "application/json"

    def __init__(self, field: str) -> None:
        self._field = field

    def reply(self, reply: Reply) -> bytes:
        return json_encode({self._field: reply.usage.prompt_tokens})

    def event(self, event: Event) -> bytes:
        return b""

    def end(self) -> bytes:
        return b""

    def failure(self, error: GatewayError) -> bytes:
        return b""


def arguments(call: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a tool call as an object; empty where the answer broke off within them."""
    try:
        return msgspec.json.decode(call["function"]["arguments"] or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
