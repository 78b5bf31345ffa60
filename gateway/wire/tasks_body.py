"""The body of `POST /infer` and `POST /infer_stream`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from gateway.wire.media_options import MediaOptions


class Options(MediaOptions, frozen=True):
    max_tokens: Annotated[int, Meta(ge=1, le=32768)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(gt=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=-1, le=1000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    stop: Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=8)] | None = (
        None
    )
    stream: bool = False
    timeout_ms: Annotated[int, Meta(ge=1, le=600_000)] | None = None
    allow_degraded: bool = True
    pages: Annotated[str, Meta(max_length=256)] = ""
    mask_pii: bool = False


class TaskBody(Struct, frozen=True):
    """A request of the task API."""

    task: Annotated[str, Meta(max_length=64)]
    images: Annotated[list[str], Meta(max_length=64)] = []
    video: str | None = None
    text: Annotated[str, Meta(max_length=32768)] = ""
    system: Annotated[str, Meta(max_length=8192)] = ""
    model: Annotated[str, Meta(max_length=256)] | None = None
    options: Options = Options()
