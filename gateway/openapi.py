"""The OpenAPI 3.1 document of all routes, made from the types that parse the bodies."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway import __version__, openapi_jobs
from gateway.errors import CODES, Code
from gateway.openapi_formats import EXAMPLES, SCHEMAS
from gateway.wire.anthropic_body import MessagesBody
from gateway.wire.completions import CompletionBody
from gateway.wire.dashscope_body import DashBody
from gateway.wire.gemini_body import GeminiBody
from gateway.wire.openai_body import ChatBody
from gateway.wire.responses_body import ResponsesBody
from gateway.wire.simple import SimpleBody
from gateway.wire.tasks_body import TaskBody

_REF = "#/components/schemas/{name}"
_JSON = "application/json"
_SSE = "text/event-stream"
_FORM = "multipart/form-data"

_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_NUMBER = {"type": "number"}
_ANY: dict[str, Any] = {}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(required: str = "", **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return schema | {"required": required.split()} if required else schema


_METADATA = _object(
    "model processing_time_ms activated_experts activated_experts_source input_tokens output_tokens",
    model=_TEXT,
    processing_time_ms=_INTEGER,
    activated_experts=_nullable(_INTEGER),
    activated_experts_source={"enum": ["measured", "config"]},
    input_tokens=_INTEGER,
    output_tokens=_INTEGER,
    finish_reason=_nullable(_TEXT),
    degraded={"const": True},
)
_RESULT = _object(
    "answer confidence metadata",
    answer=_TEXT,
    confidence=_nullable({"type": "number", "minimum": 0, "maximum": 1}),
    data=_ANY,
    pages={"type": "array", "items": _object("page answer", page=_INTEGER, answer=_TEXT)},
    metadata=_METADATA,
)
_ENVELOPE = _object(
    "request_id code msg result", request_id=_TEXT, code=_INTEGER, msg=_TEXT, result=_nullable(_RESULT)
)
_OPENAI_ERROR = _object(
    "error",
    error=_object("message type", message=_TEXT, type=_TEXT, param=_nullable(_TEXT), code=_nullable(_TEXT)),
)
_COMPLETION = _object(
    "id object created model choices usage",
    id=_TEXT,
    object={"const": "chat.completion"},
    created=_INTEGER,
    model=_TEXT,
    choices={"type": "array", "items": {"type": "object"}},
    usage=_object("", prompt_tokens=_INTEGER, completion_tokens=_INTEGER, total_tokens=_INTEGER),
)
_MODEL = _object(
    "id object created owned_by",
    id=_TEXT,
    object={"const": "model"},
    created=_INTEGER,
    owned_by=_TEXT,
    max_model_len=_INTEGER,
)
_READY = _object("status models", status=_TEXT, detail=_TEXT, models={"type": "object"})


_BODIES = (TaskBody, ChatBody, CompletionBody, ResponsesBody, SimpleBody, GeminiBody, DashBody, MessagesBody)


def document() -> dict[str, Any]:
    """All of it. The same for every configuration."""
    _, components = msgspec.json.schema_components(_BODIES, ref_template=_REF)
    components |= (
        SCHEMAS
        | openapi_jobs.SCHEMAS
        | {
            "Envelope": _ENVELOPE,
            "OpenAIError": _OPENAI_ERROR,
            "ChatCompletion": _COMPLETION,
            "Model": _MODEL,
        }
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "qwen-vl-gateway",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": _codes_table(),
        },
        "paths": _paths(),
        "components": {"schemas": components},
    }


def _paths() -> dict[str, Any]:
    return {
        "/infer": _inference(
            "Ask a task", "TaskBody", "Envelope", "Envelope", "A stream where `options.stream` is true."
        ),
        "/infer_stream": _inference("Ask a task and stream the answer", "TaskBody", None, "Envelope"),
        "/v1/chat/completions": _inference(
            "OpenAI chat completions",
            "ChatBody",
            "ChatCompletion",
            "OpenAIError",
            "A stream where asked for.",
        ),
        "/v1/completions": _inference(
            "OpenAI completions", "CompletionBody", "Completion", "OpenAIError", "A stream where asked for."
        ),
        "/v1/responses": _inference(
            "OpenAI responses", "ResponsesBody", "ResponsesReply", "OpenAIError", "A stream where asked for."
        ),
        "/v1/chat": _inference("The simple chat", "SimpleBody", "SimpleReply", "SimpleError", stream=""),
        "/v1/chat/stream": _inference("The simple chat, streamed", "SimpleBody", None, "SimpleError"),
        "/v1/messages": _inference(
            "Anthropic messages",
            "MessagesBody",
            "AnthropicReply",
            "AnthropicError",
            "A stream where asked for.",
        ),
        "/v1/messages/count_tokens": _inference(
            "Count tokens for Anthropic", "MessagesBody", "AnthropicCount", "AnthropicError", stream=""
        ),
        **_gemini("v1"),
        **_gemini("v1beta"),
        "/api/v1/services/aigc/multimodal-generation/generation": _inference(
            "DashScope multimodal generation",
            "DashBody",
            "DashReply",
            "DashError",
            "A stream where `X-DashScope-SSE: enable` is sent.",
        ),
        "/v1beta/models": _get("The served models for Gemini's clients", _ref("GeminiModels")),
        "/v1beta/models/{name}": _get(
            "One served model for Gemini's clients",
            _ref("GeminiModel"),
            path_parameter="name",
            missing="GeminiError",
        ),
        "/v1/health": _get("The state of the simple chat", _ref("SimpleHealth")),
        "/v1/files": {**_upload(), **_get("The tenant's files", _object("data", data={"type": "array"}))},
        "/v1/files/{id}": {
            **_get("One file", _ref("File"), path_parameter="id", missing="OpenAIError"),
            **_get(
                "Delete a file",
                {"type": "object"},
                path_parameter="id",
                missing="OpenAIError",
                method="delete",
            ),
        },
        **openapi_jobs.paths(_refusals("Envelope")),
        **openapi_jobs.dashscope_paths(_refusals("DashError")),
        **openapi_jobs.batch_paths(_refusals("OpenAIError")),
        "/v1/models": _get("The served models", _object("object data", object=_TEXT, data={"type": "array"})),
        "/v1/models/{name}": _get(
            "One served model", _ref("Model"), path_parameter="name", missing="OpenAIError"
        ),
        "/tasks": _get("The tasks with their limits and schemas", _object("tasks", tasks={"type": "array"})),
        "/health": _get("Live: the process answers", _object("status version", status=_TEXT, version=_TEXT)),
        "/ready": _get("Ready: the models are warm and the server is not draining", _READY, unready=_READY),
        "/metrics": _get("Metrics in Prometheus' text format", None, media_type="text/plain"),
        "/openapi.json": _get("This document", {"type": "object"}),
        "/docs": _get("This document as a page", None, media_type="text/html"),
    }


def _gemini(version: str) -> dict[str, Any]:
    """Google's clients use either version; the same lies behind both."""
    model = f"/{version}/models/{{model}}"
    of = f"of Gemini {version}"
    asked = {
        f"{model}:generateContent": _inference(
            f"Content {of}", "GeminiBody", "GeminiReply", "GeminiError", stream=""
        ),
        f"{model}:streamGenerateContent": _inference(
            f"Stream {of}",
            "GeminiBody",
            "GeminiStream",
            "GeminiError",
            "Events with `alt=sse`, else one array that comes bit by bit.",
        ),
        f"{model}:countTokens": _inference(
            f"Token count {of}", "GeminiBody", "GeminiCount", "GeminiError", stream=""
        ),
    }
    for path in asked.values():
        path["post"]["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": _TEXT}]
    streamed = asked[f"{model}:streamGenerateContent"]["post"]["parameters"]
    streamed.append({"name": "alt", "in": "query", "schema": {"type": "string", "examples": ["sse"]}})
    return asked


def _inference(
    summary: str, body: str, reply: str | None, error: str, note: str = "", stream: str = _SSE
) -> dict[str, Any]:
    content: dict[str, Any] = {stream: {}} if stream else {}
    if reply:
        content = {_JSON: {"schema": _ref(reply)}, **content}
    answer = {"description": f"The answer. {note}".strip(), "content": content}
    responses = {"200": answer, **_refusals(error)}
    return {
        "post": {
            "summary": summary,
            "operationId": summary.lower().replace(" ", "_"),
            "requestBody": {
                "required": True,
                "content": {_JSON: {"schema": _ref(body), "example": EXAMPLES[body]}},
            },
            "responses": responses,
        }
    }


def _upload() -> dict[str, Any]:
    form = _object("file", file={"type": "string", "format": "binary"})
    return {
        "post": {
            "summary": "Upload a file once, and name it by its id in requests",
            "requestBody": {"required": True, "content": {_FORM: {"schema": form}}},
            "responses": {
                "200": {"description": "The file", "content": {_JSON: {"schema": _ref("File")}}},
                **_refusals("OpenAIError"),
            },
        }
    }


def _refusals(error: str) -> dict[str, Any]:
    """Every status that a refusal may have, with its business codes."""
    responses = {}
    for status in sorted({code.status for code in CODES if code.status >= 400} - {405}):
        names = ", ".join(f"{code.number} {code.name}" for code in CODES if code.status == status)
        responses[str(status)] = {"description": names, "content": {_JSON: {"schema": _ref(error)}}}
    return responses


def _get(
    summary: str,
    schema: dict[str, Any] | None,
    *,
    media_type: str = _JSON,
    path_parameter: str | None = None,
    missing: str | None = None,
    unready: dict[str, Any] | None = None,
    method: str = "get",
) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {"description": summary, "content": {media_type: {"schema": schema or _TEXT}}}
    }
    if missing:
        responses["404"] = {"description": "Not found", "content": {_JSON: {"schema": _ref(missing)}}}
    if unready:
        responses["503"] = {"description": "Not ready", "content": {_JSON: {"schema": unready}}}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if path_parameter:
        operation["parameters"] = [{"name": path_parameter, "in": "path", "required": True, "schema": _TEXT}]
    return {method: operation}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(name=name)}


def _codes_table() -> str:
    rows = "\n".join(_row(code) for code in CODES)
    return f"Business codes:\n\n| code | HTTP | meaning | what to do |\n|---|---|---|---|\n{rows}\n"


def _row(code: Code) -> str:
    return f"| {code.number} | {code.status} | {code.meaning} | {code.advice} |"
