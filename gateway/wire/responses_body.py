"""The body of OpenAI's `POST /v1/responses`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class InputText(Struct, frozen=True, tag="input_text"):
    text: str


class OutputText(Struct, frozen=True, tag="output_text"):
    """What the model said in an earlier turn."""

    text: str


class Refusal(Struct, frozen=True, tag="refusal"):
    refusal: str


class InputImage(Struct, frozen=True, tag="input_image"):
    image_url: str | None = None
    file_id: str | None = None


class InputVideo(Struct, frozen=True, tag="input_video"):
    """An addition to OpenAI's API."""

    video_url: str


InputContent = InputText | OutputText | Refusal | InputImage | InputVideo


class InputMessage(Struct, frozen=True):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[InputContent]


class FunctionCall(Struct, frozen=True):
    call_id: str
    name: str
    arguments: str = "{}"


class FunctionCallOutput(Struct, frozen=True):
    call_id: str
    output: str | list[InputContent]


class TextFormat(Struct, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    name: str = "answer"
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextConfig(Struct, frozen=True):
    format: TextFormat | None = None


class Reasoning(Struct, frozen=True):
    effort: Annotated[str, Meta(max_length=16)] | None = None


Items = Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1024)]


class ResponsesBody(Struct, frozen=True):
    """A request to `/v1/responses`. Fields that are not named here are passed over."""

    input: Annotated[str, Meta(min_length=1)] | Items
    model: Annotated[str, Meta(max_length=256)] | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    include: list[str] | None = None
    text: TextConfig | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    metadata: dict[str, str] | None = None
    store: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    background: bool | None = None
