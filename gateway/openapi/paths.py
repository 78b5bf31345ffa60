"""Every route of the document."""

from __future__ import annotations

from typing import Any

from gateway.openapi.admin import ADMIN
from gateway.openapi.parts import FORM, JSON, TEXT, get, inference, nullable, object_of, ref, refusals
from gateway.openapi.schemas import READY


def paths() -> dict[str, Any]:
    return {
        "/infer": inference(
            "Ask a task", "TaskBody", "Envelope", "Envelope", "A stream where `options.stream` is true."
        ),
        "/infer_stream": inference("Ask a task and stream the answer", "TaskBody", None, "Envelope"),
        "/v1/chat/completions": inference(
            "OpenAI chat completions",
            "ChatBody",
            "ChatCompletion",
            "OpenAIError",
            "A stream where asked for.",
        ),
        "/v1/completions": inference(
            "OpenAI completions", "CompletionBody", "Completion", "OpenAIError", "A stream where asked for."
        ),
        "/v1/responses": inference(
            "OpenAI responses", "ResponsesBody", "ResponsesReply", "OpenAIError", "A stream where asked for."
        ),
        "/v1/chat": inference("The simple chat", "SimpleBody", "SimpleReply", "SimpleError", stream=""),
        "/v1/chat/stream": inference("The simple chat, streamed", "SimpleBody", None, "SimpleError"),
        "/v1/messages": inference(
            "Anthropic messages",
            "MessagesBody",
            "AnthropicReply",
            "AnthropicError",
            "A stream where asked for.",
        ),
        "/v1/messages/count_tokens": inference(
            "Count tokens for Anthropic", "MessagesBody", "AnthropicCount", "AnthropicError", stream=""
        ),
        **_gemini("v1"),
        **_gemini("v1beta"),
        "/api/v1/services/aigc/multimodal-generation/generation": inference(
            "DashScope multimodal generation",
            "DashBody",
            "DashReply",
            "DashError",
            "A stream where `X-DashScope-SSE: enable` is sent.",
        ),
        "/v1beta/models": get("The served models for Gemini's clients", ref("GeminiModels")),
        "/v1beta/models/{name}": get(
            "One served model for Gemini's clients",
            ref("GeminiModel"),
            path_parameter="name",
            missing="GeminiError",
        ),
        "/v1/health": get("The state of the simple chat", ref("SimpleHealth")),
        "/v1/files": {**_upload(), **get("The tenant's files", object_of("data", data={"type": "array"}))},
        "/v1/files/{id}": {
            **get("One file", ref("File"), path_parameter="id", missing="OpenAIError"),
            **get(
                "Delete a file",
                {"type": "object"},
                path_parameter="id",
                missing="OpenAIError",
                method="delete",
            ),
        },
        "/v1/models": get("The served models", object_of("object data", object=TEXT, data={"type": "array"})),
        "/v1/models/{name}": get(
            "One served model", ref("Model"), path_parameter="name", missing="OpenAIError"
        ),
        "/tasks": get("The tasks with their limits and schemas", object_of("tasks", tasks={"type": "array"})),
        **ADMIN,
        "/v1/usage": get(
            "What was used, by the dimensions named in `by`",
            object_of("rows total", rows={"type": "array"}, total=nullable({"type": "object"})),
        ),
        "/health": get("Live: the process answers", object_of("status version", status=TEXT, version=TEXT)),
        "/ready": get("Ready: the models are warm and the server is not draining", READY, unready=READY),
        "/metrics": get("Metrics in Prometheus' text format", None, media_type="text/plain"),
        "/openapi.json": get("This document", {"type": "object"}),
        "/docs": get("This document as a page", None, media_type="text/html"),
        "/": get("The playground, a page to try the gateway in a browser", None, media_type="text/html"),
        "/playground/config.json": get("Limits, formats and codes for the playground", {"type": "object"}),
        "/playground/status": get("Live figures for the playground", {"type": "object"}),
    }


def _gemini(version: str) -> dict[str, Any]:
    """Google's clients use either version; the same lies behind both."""
    model = f"/{version}/models/{{model}}"
    of = f"of Gemini {version}"
    asked = {
        f"{model}:generateContent": inference(
            f"Content {of}", "GeminiBody", "GeminiReply", "GeminiError", stream=""
        ),
        f"{model}:streamGenerateContent": inference(
            f"Stream {of}",
            "GeminiBody",
            "GeminiStream",
            "GeminiError",
            "Events with `alt=sse`, else one array that comes bit by bit.",
        ),
        f"{model}:countTokens": inference(
            f"Token count {of}", "GeminiBody", "GeminiCount", "GeminiError", stream=""
        ),
    }
    for path in asked.values():
        path["post"]["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": TEXT}]
    streamed = asked[f"{model}:streamGenerateContent"]["post"]["parameters"]
    streamed.append({"name": "alt", "in": "query", "schema": {"type": "string", "examples": ["sse"]}})
    return asked


def _upload() -> dict[str, Any]:
    form = object_of("file", file={"type": "string", "format": "binary"})
    return {
        "post": {
            "summary": "Upload a file once, and name it by its id in requests",
            "requestBody": {"required": True, "content": {FORM: {"schema": form}}},
            "responses": {
                "200": {"description": "The file", "content": {JSON: {"schema": ref("File")}}},
                **refusals("OpenAIError"),
            },
        }
    }
