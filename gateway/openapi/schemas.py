"""Schemas of the gateway's own replies, and of OpenAI's."""

from __future__ import annotations

from gateway.openapi.parts import ANY, INTEGER, TEXT, nullable, object_of

METADATA = object_of(
    "model processing_time_ms activated_experts activated_experts_source input_tokens output_tokens",
    model=TEXT,
    processing_time_ms=INTEGER,
    activated_experts=nullable(INTEGER),
    activated_experts_source={"enum": ["measured", "config"]},
    input_tokens=INTEGER,
    output_tokens=INTEGER,
    finish_reason=nullable(TEXT),
    degraded={"const": True},
    cost=object_of("amount currency", amount={"type": "number", "minimum": 0}, currency=TEXT),
)
RESULT = object_of(
    "answer confidence metadata",
    answer=TEXT,
    confidence=nullable({"type": "number", "minimum": 0, "maximum": 1}),
    reasoning=TEXT,
    data=ANY,
    pages={"type": "array", "items": object_of("page answer", page=INTEGER, answer=TEXT)},
    metadata=METADATA,
)
ENVELOPE = object_of(
    "request_id code msg result", request_id=TEXT, code=INTEGER, msg=TEXT, result=nullable(RESULT)
)
OPENAI_ERROR = object_of(
    "error",
    error=object_of("message type", message=TEXT, type=TEXT, param=nullable(TEXT), code=nullable(TEXT)),
)
COMPLETION = object_of(
    "id object created model choices usage",
    id=TEXT,
    object={"const": "chat.completion"},
    created=INTEGER,
    model=TEXT,
    choices={"type": "array", "items": {"type": "object"}},
    usage=object_of("", prompt_tokens=INTEGER, completion_tokens=INTEGER, total_tokens=INTEGER),
)
MODEL = object_of(
    "id object created owned_by",
    id=TEXT,
    object={"const": "model"},
    created=INTEGER,
    owned_by=TEXT,
    max_model_len=INTEGER,
    parent=TEXT,
)
READY = object_of("status models", status=TEXT, detail=TEXT, models={"type": "object"})
