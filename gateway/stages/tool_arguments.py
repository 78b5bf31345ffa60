"""Holds the arguments of tool calls to the tools' schemas, whatever engine made them.

An embedded engine writes nothing else; others may. A stream's pieces flow on as they come, and are
judged together before the chunk that would end the answer: no client takes a call for complete that
does not hold.
"""

from __future__ import annotations

from contextlib import aclosing

from gateway.call import Call, Events, Progress
from gateway.errors import TOOL_ARGUMENTS, GatewayError
from gateway.stages.base import Handler, Services
from gateway.stream import FoldedChoice, Reply
from gateway.tool_arguments import Schemas


class ToolArguments:
    """Raises `GatewayError` in place of the last chunk. An answer cut off at its length is let through."""

    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner

    async def __call__(self, call: Call) -> Events:
        events = await self._inner(call)
        return judged(events, Schemas(call.chat.tools)) if call.chat.tools else events


async def judged(events: Events, schemas: Schemas) -> Events:
    """The events, up to the one that would end a call that does not hold. Raises `GatewayError` there."""
    reply = Reply()
    async with aclosing(events):
        async for event in events:
            if not isinstance(event, Progress):
                reply.add(event)
                ended = {
                    choice.index for choice in event.choices if choice.finish_reason not in (None, "length")
                }
                for choice in reply.choices:
                    if choice.index in ended:
                        _judge(choice, schemas)
            yield event


def _judge(choice: FoldedChoice, schemas: Schemas) -> None:
    for call in choice.tool_calls:
        function = call["function"]
        if (problem := schemas.problem(function["name"], function["arguments"])) is not None:
            raise GatewayError(TOOL_ARGUMENTS, problem)
