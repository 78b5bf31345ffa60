"""The body of Gemini's `generateContent`.

Google's clients mix the case of field names, even within one request (`inlineData: {data,
mime_type}`), so names are brought into camel case before the types look at them. What belongs to
the user, such as schemas and the arguments of functions, keeps its names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.wire.base import convert, decode
from gateway.wire.gemini_schema import camel

_OPAQUE = {"responseSchema", "responseJsonSchema", "parameters", "parametersJsonSchema", "args", "response"}

_LISTS = {"contents", "parts", "tools", "functionDeclarations"}


class _Camel(Struct, frozen=True, rename="camel"):
    pass


class Blob(_Camel, frozen=True):
    data: str
    mime_type: str = ""


class FileData(_Camel, frozen=True):
    file_uri: str
    mime_type: str = ""


class FunctionCall(_Camel, frozen=True):
    name: str
    args: dict[str, Any] | None = None
    id: str | None = None


class FunctionResponse(_Camel, frozen=True):
    name: str
    response: Any = None
    id: str | None = None


class GeminiPart(_Camel, frozen=True):
    text: str | None = None
    thought: bool | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None


class GeminiContent(_Camel, frozen=True):
    role: Literal["user", "model", "function", "tool", "system", ""] | None = None
    parts: list[GeminiPart] = []


class ThinkingConfig(_Camel, frozen=True):
    include_thoughts: bool | None = None


class GenerationConfig(_Camel, frozen=True):
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[float, Meta(ge=-1, le=2**31 - 1)] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    candidate_count: Annotated[int, Meta(ge=1, le=8)] | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None


class FunctionDeclaration(_Camel, frozen=True):
    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class GeminiTool(_Camel, frozen=True):
    function_declarations: list[FunctionDeclaration] = []


class FunctionCallingConfig(_Camel, frozen=True):
    mode: str = "AUTO"
    allowed_function_names: list[str] | None = None


class ToolConfig(_Camel, frozen=True):
    function_calling_config: FunctionCallingConfig = FunctionCallingConfig()


class GeminiBody(_Camel, frozen=True):
    """A request to `:generateContent`. Fields that are not named here are passed over."""

    contents: Annotated[list[GeminiContent], Meta(min_length=1, max_length=1024)]
    system_instruction: GeminiContent | None = None
    generation_config: GenerationConfig = GenerationConfig()
    tools: Annotated[list[GeminiTool], Meta(max_length=128)] | None = None
    tool_config: ToolConfig = ToolConfig()


_objects = msgspec.json.Decoder(dict[str, Any])


def read(body: bytes) -> GeminiBody:
    """Raises `GatewayError`."""
    return convert(_camel(decode(body, _objects)), GeminiBody)


def read_count(body: bytes) -> GeminiBody:
    """The body of `:countTokens`, which may wrap the request. Raises `GatewayError`."""
    found = _camel(decode(body, _objects))
    inner = found.get("generateContentRequest")
    return convert(inner if isinstance(inner, dict) else found, GeminiBody)


def _camel(value: Any) -> Any:
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {camel(key): inner for key, inner in value.items()}
    return {key: _inner(key, inner) for key, inner in named.items() if inner is not None}


def _inner(key: str, value: Any) -> Any:
    """Google takes a single object where it has lists, and its own examples send them."""
    if key in _OPAQUE:
        return value
    return [_camel(value)] if key in _LISTS and isinstance(value, dict) else _camel(value)
