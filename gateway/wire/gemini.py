"""Gemini's `generateContent`, as Google's SDKs send and read it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.types import ChatRequest, MediaPart, Message, Part, Role, Sampling, TextPart
from gateway.call import Call
from gateway.models import Model
from gateway.wire.base import Encoder, Intake, invalid, json_encode, medium_of
from gateway.wire.calls import Target, call_of, counted, target
from gateway.wire.gemini_body import (
    FunctionCallingConfig,
    FunctionDeclaration,
    GeminiBody,
    GeminiContent,
    GeminiPart,
    GenerationConfig,
    read,
    read_count,
)
from gateway.wire.gemini_reply import GeminiEncoder, error
from gateway.wire.gemini_schema import json_schema
from gateway.wire.parts import CountEncoder

name = "gemini"
KEY_HEADER = "x-goog-api-key"
"""By which Google's clients are told apart on the paths that they share with OpenAI's."""

_CHOICE = "toolConfig.functionCallingConfig"
_ENUM = "text/x.enum"
"""The MIME type of an answer that is one of the schema's values, without JSON's quotes."""

__all__ = ["KEY_HEADER", "error", "model_entry", "models", "parse", "parse_count", "parse_stream"]


def parse(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """The call for a body, and what writes its answer. Raises `GatewayError`."""
    return _parse(read(body), intake, stream=False)


def parse_stream(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """As `parse`, for `:streamGenerateContent`."""
    return _parse(read(body), intake, stream=True)


def parse_count(body: bytes, intake: Intake) -> tuple[Call, Encoder]:
    """For `:countTokens`. The engine itself counts, with an answer of one token that nobody sees."""
    request, asked = read_count(body), target(intake, intake.path.get("model"))
    chat = counted(_chat(request, asked, intake.request_id, stream=False))
    return call_of(intake, chat, asked, name), CountEncoder("totalTokens")


def _parse(request: GeminiBody, intake: Intake, *, stream: bool) -> tuple[Call, Encoder]:
    asked = target(intake, intake.path.get("model"))
    call = call_of(intake, _chat(request, asked, intake.request_id, stream), asked, name)
    config = request.generation_config
    thoughts = bool(config.thinking_config and config.thinking_config.include_thoughts)
    as_events, as_word = intake.query.get("alt") == "sse", config.response_mime_type == _ENUM
    return call, GeminiEncoder(call, thoughts, as_events=as_events, as_word=as_word)


def _chat(request: GeminiBody, asked: Target, request_id: str, stream: bool) -> ChatRequest:
    config = request.generation_config
    choice = request.tool_config.function_calling_config
    declared = _allowed([d for tool in request.tools or () for d in tool.function_declarations], choice)
    return ChatRequest(
        id=request_id,
        model=asked.model.name,
        messages=(*_system(request.system_instruction), *_messages(request.contents)),
        sampling=Sampling(
            max_tokens=config.max_output_tokens,
            temperature=config.temperature,
            top_p=config.top_p,
            top_k=None if config.top_k is None else int(config.top_k),
            seed=config.seed,
            stop=config.stop_sequences,
            n=config.candidate_count or 1,
            presence_penalty=config.presence_penalty,
            frequency_penalty=config.frequency_penalty,
        ),
        stream=stream,
        response_format=_response_format(config),
        tools=[
            _function(d.name, d.description, d.parameters_json_schema or json_schema(d.parameters))
            for d in declared
        ]
        or None,
        tool_choice=_tool_choice(choice) if declared else None,
    )


def _system(content: GeminiContent | None) -> list[Message]:
    text = "\n".join(part.text for part in content.parts if part.text) if content else ""
    return [Message(role="system", content=text)] if text else []


def _messages(contents: list[GeminiContent]) -> list[Message]:
    return [message for content in contents for message in _turn(content)]


def _turn(content: GeminiContent) -> list[Message]:
    """One turn. Results of functions are messages of their own in the inner language."""
    results = [
        Message(role="tool", tool_call_id=r.id or r.name, content=json_encode(r.response).decode())
        for part in content.parts
        if (r := part.function_response) is not None
    ]
    calls = [
        {"id": c.id or c.name, "type": "function", "function": _called(c.name, c.args)}
        for part in content.parts
        if (c := part.function_call) is not None
    ]
    parts = tuple(_part(part) for part in content.parts if _is_seen(part))
    if not parts and not calls:
        return results
    role: Role = "assistant" if content.role == "model" else "user"
    return [*results, Message(role=role, content=parts or None, tool_calls=calls or None)]


def _is_seen(part: GeminiPart) -> bool:
    """Whether the model sees the part as text or picture; thoughts of earlier turns stay away."""
    return not part.thought and bool(part.text or part.inline_data or part.file_data)


def _part(part: GeminiPart) -> Part:
    if (blob := part.inline_data) is not None:
        mime = blob.mime_type or "application/octet-stream"
        return MediaPart(medium_of(f"data:{mime};base64,{blob.data}"))
    if (file := part.file_data) is not None:
        return MediaPart(medium_of(file.file_uri, "video" if file.mime_type.startswith("video/") else None))
    return TextPart(part.text or "")


def _called(name: str, args: dict[str, Any] | None) -> dict[str, str]:
    return {"name": name, "arguments": json_encode(args or {}).decode()}


def _function(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    shape = parameters or {"type": "object", "properties": {}}
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": shape},
    }


def _allowed(declared: list[FunctionDeclaration], config: FunctionCallingConfig) -> list[FunctionDeclaration]:
    """Those to choose from. OpenAI's choice names one tool or none, so where there are several the others
    are left out. Raises `GatewayError` where one is not declared."""
    allowed = config.allowed_function_names or []
    if config.mode != "ANY" or not declared or not allowed:
        return declared
    if not {d.name for d in declared}.issuperset(allowed):
        raise invalid(f"{_CHOICE}.allowedFunctionNames", "must be names of the declared functions.")
    return [d for d in declared if d.name in allowed] if len(allowed) > 1 else declared


def _tool_choice(config: FunctionCallingConfig) -> str | dict[str, Any]:
    allowed = config.allowed_function_names or []
    if config.mode == "ANY" and len(allowed) == 1:
        return {"type": "function", "function": {"name": allowed[0]}}
    return {"ANY": "required", "NONE": "none"}.get(config.mode, "auto")


def _response_format(config: GenerationConfig) -> dict[str, Any] | None:
    schema = config.response_json_schema or (json_schema(config.response_schema) or None)
    if schema:
        return {"type": "json_schema", "json_schema": {"name": "response", "schema": schema, "strict": True}}
    return {"type": "json_object"} if config.response_mime_type == "application/json" else None


def models(models: Iterable[Model]) -> dict[str, Any]:
    """The body of `GET /v1beta/models`."""
    return {"models": [model_entry(m, alias) for m in models for alias in (m.name, *m.aliases)]}


def model_entry(model: Model, name: str) -> dict[str, Any]:
    """The body of `GET /v1beta/models/{name}`."""
    limit = model.engine.info.max_context
    return {
        "name": f"models/{name}",
        "displayName": name,
        "version": model.name,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        **({"inputTokenLimit": limit, "outputTokenLimit": limit} if limit is not None else {}),
    }
