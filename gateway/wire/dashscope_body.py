"""The body of DashScope's multimodal generation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct


class Item(Struct, frozen=True):
    """One item of a message's content: exactly one of its fields is set."""

    text: str | None = None
    image: str | None = None
    video: str | list[str] | None = None
    audio: str | None = None


class DashMessage(Struct, frozen=True):
    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[Item] | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class Input(Struct, frozen=True):
    messages: Annotated[list[DashMessage], Meta(min_length=1, max_length=1024)]


class Parameters(Struct, frozen=True):
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=2**31 - 1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    stop: str | Annotated[list[str], Meta(max_length=16)] | None = None
    n: Annotated[int, Meta(ge=1, le=8)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    incremental_output: bool | None = None
    response_format: dict[str, Any] | None = None
    tools: Annotated[list[dict[str, Any]], Meta(max_length=128)] | None = None
    tool_choice: str | dict[str, Any] | None = None


class DashBody(Struct, frozen=True):
    """A request to `multimodal-generation/generation`. Fields that are not named here are passed over."""

    input: Input
    model: Annotated[str, Meta(max_length=256)] | None = None
    parameters: Parameters | None = None
