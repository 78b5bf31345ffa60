"""Replies and errors of the formats of others, and a request in each, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_NUMBER = {"type": ["number", "null"]}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_ANY_OBJECT: dict[str, Any] = {"type": "object"}

SCHEMAS: dict[str, dict[str, Any]] = {
    "SimpleReply": _object(
        "success message result usage request_id",
        success={"const": True},
        message=_TEXT,
        result=_TEXT,
        usage=_object(
            "input_tokens output_tokens inference_time_ms gpu_memory_used_gb",
            input_tokens=_INTEGER,
            output_tokens=_INTEGER,
            inference_time_ms=_INTEGER,
            gpu_memory_used_gb=_NUMBER,
        ),
        request_id=_TEXT,
    ),
    "SimpleError": _object(
        "success message code request_id",
        success={"const": False},
        message=_TEXT,
        code=_INTEGER,
        request_id=_TEXT,
    ),
    "SimpleHealth": _object(
        "status model_loaded gpu_memory_used_gb uptime_seconds",
        status={"enum": ["healthy", "unhealthy"]},
        model_loaded={"type": "boolean"},
        gpu_memory_used_gb=_NUMBER,
        uptime_seconds={"type": "number"},
    ),
    "GeminiReply": _object(
        "candidates modelVersion responseId",
        candidates=_list(_ANY_OBJECT),
        usageMetadata=_ANY_OBJECT,
        modelVersion=_TEXT,
        responseId=_TEXT,
    ),
    "GeminiStream": _list({"$ref": "#/components/schemas/GeminiReply"}),
    "GeminiCount": _object("totalTokens", totalTokens=_INTEGER),
    "GeminiModel": _object("name", name=_TEXT, displayName=_TEXT, version=_TEXT),
    "GeminiModels": _object("models", models=_list({"$ref": "#/components/schemas/GeminiModel"})),
    "GeminiError": _object(
        "error", error=_object("code message status", code=_INTEGER, message=_TEXT, status=_TEXT)
    ),
    "Completion": _object(
        "id object created model choices usage",
        id=_TEXT,
        object={"const": "text_completion"},
        created=_INTEGER,
        model=_TEXT,
        choices=_list(_ANY_OBJECT),
        usage=_ANY_OBJECT,
    ),
    "ResponsesReply": _object(
        "id object created_at status model output usage",
        id=_TEXT,
        object={"const": "response"},
        created_at=_INTEGER,
        status={"enum": ["completed", "incomplete"]},
        model=_TEXT,
        output=_list(_ANY_OBJECT),
        usage=_ANY_OBJECT,
    ),
    "DashReply": _object("request_id output", request_id=_TEXT, output=_ANY_OBJECT, usage=_ANY_OBJECT),
    "DashError": _object("code message request_id", code=_TEXT, message=_TEXT, request_id=_TEXT),
    "AnthropicReply": _object(
        "id type role model content stop_reason usage",
        id=_TEXT,
        type={"const": "message"},
        role={"const": "assistant"},
        model=_TEXT,
        content=_list(_ANY_OBJECT),
        stop_reason=_TEXT,
        usage=_ANY_OBJECT,
    ),
    "AnthropicCount": _object("input_tokens", input_tokens=_INTEGER),
    "AnthropicError": _object(
        "type error request_id",
        type={"const": "error"},
        error=_object("type message", type=_TEXT, message=_TEXT),
        request_id=_TEXT,
    ),
}

_MODEL = "qwen3-vl-30b"
_DOT = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1Pe"
    "AAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
"""A picture of one red pixel."""

_CHAT = {"model": _MODEL, "messages": [{"role": "user", "content": "Hello"}]}

EXAMPLES: dict[str, dict[str, Any]] = {
    "TaskBody": {"task": "vqa", "images": [_DOT], "text": "What color is it?"},
    "ChatBody": _CHAT,
    "CompletionBody": {"model": _MODEL, "prompt": "Hello"},
    "ResponsesBody": {"model": _MODEL, "input": "Hello"},
    "SimpleBody": {"input_type": "text_image", "text": "What color is it?", "image_base64": _DOT},
    "GeminiBody": {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
    "DashBody": {"model": _MODEL, "input": {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}},
    "MessagesBody": {**_CHAT, "max_tokens": 64},
}
