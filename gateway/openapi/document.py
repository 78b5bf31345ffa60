"""The whole document."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway import __version__
from gateway.errors import CODES, Code
from gateway.openapi.admin import SECURITY
from gateway.openapi.formats import SCHEMAS
from gateway.openapi.parts import REF
from gateway.openapi.paths import paths
from gateway.openapi.schemas import COMPLETION, ENVELOPE, FILE, MODEL, OPENAI_ERROR
from gateway.wire.anthropic_body import MessagesBody
from gateway.wire.completions import CompletionBody
from gateway.wire.dashscope_body import DashBody
from gateway.wire.gemini_body import GeminiBody
from gateway.wire.openai_body import ChatBody
from gateway.wire.responses_body import ResponsesBody
from gateway.wire.simple import SimpleBody
from gateway.wire.tasks_body import TaskBody

_BODIES = (TaskBody, ChatBody, CompletionBody, ResponsesBody, SimpleBody, GeminiBody, DashBody, MessagesBody)


def document() -> dict[str, Any]:
    """All of it. The same for every configuration."""
    _, components = msgspec.json.schema_components(_BODIES, ref_template=REF)
    components |= SCHEMAS | {
        "Envelope": ENVELOPE,
        "OpenAIError": OPENAI_ERROR,
        "ChatCompletion": COMPLETION,
        "Model": MODEL,
        "File": FILE,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "qwen-vl-gateway",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": _codes_table(),
        },
        "paths": paths(),
        "security": [{"apiKey": []}, {}],
        "components": {"schemas": components, "securitySchemes": SECURITY},
    }


def _codes_table() -> str:
    rows = "\n".join(_row(code) for code in CODES)
    return f"Business codes:\n\n| code | HTTP | meaning | what to do |\n|---|---|---|---|\n{rows}\n"


def _row(code: Code) -> str:
    return f"| {code.number} | {code.status} | {code.meaning} | {code.advice} |"
