"""The body of Anthropic's `POST /v1/messages`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class Base64Source(Struct, frozen=True, tag="base64"):
    data: str
    media_type: str = "image/png"


class UrlSource(Struct, frozen=True, tag="url"):
    url: str


class TextBlock(Struct, frozen=True, tag="text"):
    text: str


class ImageBlock(Struct, frozen=True, tag="image"):
    source: Base64Source | UrlSource


class ToolUseBlock(Struct, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: dict[str, Any] = {}


class ThinkingBlock(Struct, frozen=True, tag="thinking"):
    """Thoughts of an earlier turn; the model does not see them again."""


class RedactedThinkingBlock(Struct, frozen=True, tag="redacted_thinking"):
    """As `ThinkingBlock`."""


class ToolResultBlock(Struct, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: str | list[TextBlock | ImageBlock] | None = None


Block = TextBlock | ImageBlock | ToolUseBlock | ToolResultBlock | ThinkingBlock | RedactedThinkingBlock


class AnthropicMessage(Struct, frozen=True):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class AnthropicTool(Struct, frozen=True):
    name: str
    description: str = ""
    input_schema: dict[str, Any] = {}


class ToolChoice(Struct, frozen=True):
    type: Literal["auto", "any", "tool", "none"] = "auto"
    name: str | None = None
    disable_parallel_tool_use: bool = False


class OutputFormat(Struct, frozen=True):
    type: str
    schema: dict[str, Any] = {}


class OutputConfig(Struct, frozen=True):
    format: OutputFormat | None = None


class MessagesBody(Struct, frozen=True):
    """A request to `/v1/messages`. Fields that are not named here are passed over."""

    messages: Annotated[list[AnthropicMessage], Meta(min_length=1, max_length=1024)]
    model: Annotated[str, Meta(max_length=256)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    system: str | list[TextBlock] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    stop_sequences: Annotated[list[str], Meta(max_length=16)] | None = None
    tools: Annotated[list[AnthropicTool], Meta(max_length=128)] | None = None
    tool_choice: ToolChoice | None = None
    output_config: OutputConfig | None = None
