"""OpenAI's Responses, without a memory: every request brings its whole conversation.

Nothing is stored, whatever `store` says; what would need a store is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.types import ChatRequest, MediaPart, Message, Part, Sampling, TextPart
from gateway.call import Call
from gateway.wire.base import Encoder, Intake, convert, decode, invalid, medium_of
from gateway.wire.calls import Target, call_of, target
from gateway.wire.openai_reply import error
from gateway.wire.responses_body import (
    FunctionCall,
    FunctionCallOutput,
    InputContent,
    InputImage,
    InputMessage,
    InputVideo,
    Refusal,
    ResponsesBody,
    TextFormat,
)
from gateway.wire.responses_reply import ResponsesEncoder

name = "responses"
__all__ = ["error", "parse"]

_LOGPROBS = "message.output_text.logprobs"
_bodies = msgspec.json.Decoder(ResponsesBody)


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    request = decode(body, _bodies)
    _check(request)
    asked = target(intake, request.model)
    call = call_of(intake, _chat(request, asked, intake.request_id), asked, name)
    return call, ResponsesEncoder(call, request)


def _check(request: ResponsesBody) -> None:
    for field in ("previous_response_id", "conversation", "prompt"):
        if getattr(request, field) is not None:
            raise invalid(field, "nothing is stored here; send the whole conversation as input.")
    if request.background:
        raise invalid("background", "answers are given at once; leave it out.")
    for tool in request.tools or ():
        if tool.get("type") != "function" or not isinstance(tool.get("name"), str) or not tool["name"]:
            raise invalid("tools", "must be functions, each with a name; no other tools are run here.")


def _chat(request: ResponsesBody, asked: Target, request_id: str) -> ChatRequest:
    logprobs = bool(request.top_logprobs) or _LOGPROBS in (request.include or ())
    return ChatRequest(
        id=request_id,
        model=asked.model.name,
        messages=tuple(_messages(request)),
        sampling=Sampling(
            max_tokens=request.max_output_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            seed=request.seed,
            logprobs=logprobs,
            top_logprobs=request.top_logprobs,
        ),
        stream=bool(request.stream),
        response_format=_response_format(request.text.format if request.text else None),
        tools=[_function(tool) for tool in request.tools or ()] or None,
        tool_choice=_tool_choice(request.tool_choice),
        parallel_tool_calls=request.parallel_tool_calls,
        reasoning_effort=request.reasoning.effort if request.reasoning else None,
    )


def _messages(request: ResponsesBody) -> Iterator[Message]:
    if request.instructions:
        yield Message(role="system", content=request.instructions)
    if isinstance(request.input, str):
        yield Message(role="user", content=request.input)
        return
    calls: list[dict[str, Any]] = []
    for number, item in enumerate(request.input):
        message = _item(number, item)
        if isinstance(message, dict):
            calls.append(message)
            continue
        if message is not None:
            yield from _called(calls)
            calls = []
            yield message
    yield from _called(calls)


def _called(calls: list[dict[str, Any]]) -> Iterator[Message]:
    """Calls that follow one another are one message of the assistant in the inner language."""
    if calls:
        yield Message(role="assistant", tool_calls=calls)


def _item(number: int, item: dict[str, Any]) -> Message | dict[str, Any] | None:
    """A message, a call of a function, or `None` for thoughts, which the model does not see again."""
    kind = item.get("type", "message")
    if kind == "message":
        message = convert(item, InputMessage)
        return Message(role=message.role, content=_content(message.content))
    if kind == "function_call":
        call = convert(item, FunctionCall)
        function = {"name": call.name, "arguments": call.arguments}
        return {"id": call.call_id, "type": "function", "function": function}
    if kind == "function_call_output":
        output = convert(item, FunctionCallOutput)
        return Message(role="tool", tool_call_id=output.call_id, content=_content(output.output))
    if kind == "reasoning":
        return None
    raise invalid(f"input[{number}].type", "items are messages, function calls and their outputs.")


def _content(content: str | list[InputContent]) -> str | tuple[Part, ...]:
    return content if isinstance(content, str) else tuple(map(_part, content))


def _part(part: InputContent) -> Part:
    if isinstance(part, InputImage):
        if not (source := part.image_url or part.file_id):
            raise invalid("input", "an input_image needs an image_url or a file_id.")
        return MediaPart(medium_of(source, "image"))
    if isinstance(part, InputVideo):
        return MediaPart(medium_of(part.video_url, "video"))
    return TextPart(part.refusal if isinstance(part, Refusal) else part.text)


def _response_format(form: TextFormat | None) -> dict[str, Any] | None:
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return {"type": "json_object"}
    if form.schema is None:
        raise invalid("text.format.schema", "is needed for json_schema.")
    schema = {"name": form.name, "schema": form.schema, "strict": form.strict}
    return {"type": "json_schema", "json_schema": schema}


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    function = {key: tool[key] for key in ("name", "description", "parameters") if tool.get(key) is not None}
    return {"type": "function", "function": function}


def _tool_choice(choice: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
    if isinstance(choice, dict):
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice
