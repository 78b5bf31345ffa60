"""Anthropic's Messages, as its SDK sends and reads them."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.types import ChatRequest, MediaPart, Message, Part, Sampling, TextPart
from gateway.call import Call
from gateway.wire.anthropic_body import (
    AnthropicMessage,
    AnthropicTool,
    ImageBlock,
    MessagesBody,
    TextBlock,
    ToolChoice,
    ToolResultBlock,
    ToolUseBlock,
    UrlSource,
)
from gateway.wire.anthropic_reply import MessagesEncoder, error
from gateway.wire.base import Encoder, Intake, decode, json_encode, medium_of
from gateway.wire.calls import Target, call_of, counted, target
from gateway.wire.parts import CountEncoder

name = "anthropic"
__all__ = ["error", "parse", "parse_count"]

_bodies = msgspec.json.Decoder(MessagesBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    request = decode(body, _bodies)
    asked = target(intake, request.model)
    call = call_of(intake, _chat(request, asked, intake.request_id), asked, name)
    return call, MessagesEncoder(call)


def parse_count(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """For `count_tokens`. The engine itself counts, with an answer of one token that nobody sees."""
    request = decode(body, _bodies)
    asked = target(intake, request.model)
    chat = counted(_chat(request, asked, intake.request_id))
    return call_of(intake, chat, asked, name), CountEncoder("input_tokens")


def _chat(request: MessagesBody, asked: Target, request_id: str) -> ChatRequest:
    choice = request.tool_choice or ToolChoice()
    return ChatRequest(
        id=request_id,
        model=asked.model.name,
        messages=(*_system(request.system), *(m for given in request.messages for m in _turn(given))),
        sampling=Sampling(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            stop=request.stop_sequences,
        ),
        stream=bool(request.stream),
        response_format=_response_format(request),
        tools=[_function(tool) for tool in request.tools or ()] or None,
        tool_choice=_tool_choice(choice) if request.tools else None,
        parallel_tool_calls=False if choice.disable_parallel_tool_use else None,
    )


def _system(system: str | list[TextBlock] | None) -> list[Message]:
    text = system if isinstance(system, str) else "\n".join(block.text for block in system or ())
    return [Message(role="system", content=text)] if text else []


def _turn(message: AnthropicMessage) -> list[Message]:
    """One turn. Results of tools are messages of their own in the inner language."""
    if isinstance(message.content, str):
        return [Message(role=message.role, content=message.content)]
    results = [_result(block) for block in message.content if isinstance(block, ToolResultBlock)]
    calls = [
        {"id": b.id, "type": "function", "function": {"name": b.name, "arguments": _json(b.input)}}
        for b in message.content
        if isinstance(b, ToolUseBlock)
    ]
    parts = tuple(_part(b) for b in message.content if isinstance(b, TextBlock | ImageBlock))
    if not parts and not calls:
        return results
    return [*results, Message(role=message.role, content=parts or None, tool_calls=calls or None)]


def _result(block: ToolResultBlock) -> Message:
    content = block.content
    parts = tuple(map(_part, content)) if isinstance(content, list) else content or ""
    return Message(role="tool", tool_call_id=block.tool_use_id, content=parts)


def _part(block: TextBlock | ImageBlock) -> Part:
    if isinstance(block, TextBlock):
        return TextPart(block.text)
    source = block.source
    if isinstance(source, UrlSource):
        return MediaPart(medium_of(source.url, "image"))
    return MediaPart(medium_of(f"data:{source.media_type};base64,{source.data}", "image"))


def _function(tool: AnthropicTool) -> dict[str, Any]:
    parameters = tool.input_schema or {"type": "object", "properties": {}}
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.type == "tool":
        return {"type": "function", "function": {"name": choice.name or ""}}
    return "required" if choice.type == "any" else choice.type


def _response_format(request: MessagesBody) -> dict[str, Any] | None:
    form = request.output_config.format if request.output_config else None
    if form is None or form.type != "json_schema":
        return None
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": form.schema, "strict": True}}


def _json(value: Any) -> str:
    return json_encode(value).decode()
