"""What a wire format is: it parses a body into a call, and writes events and errors in its own shape."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

import msgspec

from engine.types import Medium, MediumKind, MediumOptions
from gateway.call import Call, Event, Lane
from gateway.errors import INVALID_REQUEST, GatewayError
from gateway.hints import Hints
from gateway.models import Models
from gateway.settings import Settings
from gateway.stream import Reply
from gateway.tasks import BY_NAME, Task

T = TypeVar("T")

AS_IT_IS = MediumOptions()
_VIDEO_NAMES = (".mp4", ".m4v", ".mov", ".webm")


class Intake(msgspec.Struct, frozen=True):
    """What a format needs beside the body to make a call of it."""

    request_id: str
    settings: Settings
    models: Models
    uploads: Mapping[str, bytes] = {}
    """Files that came with the body itself, by the source that names them in it."""
    hints: Hints = Hints()
    tasks: Mapping[str, Task] = msgspec.field(default_factory=lambda: BY_NAME)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The request's headers, for the formats that ask for a stream or a task by one."""
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The parameters of the address behind the question mark."""
    path: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The parameters of the path: `model` as Gemini's clients name it, `served` of a model's own routes."""

    def deadline(self, lane: Lane, timeout_ms: int | None = None) -> float:
        """When an answer in this lane must be complete, on the monotonic clock.

        Body and headers may ask for less time than the lane has, not for more.
        """
        server = self.settings.server
        long = self.hints.lane_for(lane) != "interactive"
        allowed = server.long_request_timeout_s if long else server.request_timeout_s
        for asked in (timeout_ms, self.hints.timeout_ms):
            if asked is not None:
                allowed = min(allowed, asked / 1000)
        return time.monotonic() + allowed


class Encoder(Protocol):
    """Writes the answer to one call. Either `reply`, or `event`s and then `end` or `failure`."""

    stream_type: str
    """MIME type of a stream in this format."""

    def reply(self, reply: Reply) -> bytes:
        """The whole answer as one body."""
        ...

    def event(self, event: Event) -> bytes:
        """Frames for one event; empty where the format has nothing to say."""
        ...

    def end(self) -> bytes:
        """The frames that close a complete stream."""
        ...

    def failure(self, error: GatewayError) -> bytes:
        """The frames that close a stream which cannot go on."""
        ...


Parse = Callable[[bytes, Intake], tuple[Call, Encoder]]
"""Makes a call of a body, and what writes its answer. Raises `GatewayError`."""

RenderError = Callable[[GatewayError, str], bytes]
"""The body of a refusal for a request id, in the format's own shape."""


def sse(data: Any, event: str = "") -> bytes:
    """One server-sent event; without a name where none is given."""
    head = f"event: {event}\n".encode() if event else b""
    return b"%bdata: %b\n\n" % (head, json_encode(data))


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The body as the decoder's type. Raises `GatewayError` with the field that is wrong."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        refuse(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        detail = "The body is empty." if not body.strip() else "The body is not valid JSON."
        raise GatewayError(INVALID_REQUEST, detail) from None


def convert(value: Any, kind: type[T]) -> T:
    """A decoded body as `kind`. Raises `GatewayError` with the field that is wrong."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        refuse(error)


def refuse(error: msgspec.ValidationError) -> NoReturn:
    """msgspec's "Expected `int`, got `str` - at `$.a.b`" as a refusal that names the field."""
    problem, _, path = str(error).partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    where = f"{field}: " if field else ""
    raise GatewayError(INVALID_REQUEST, f"{where}{problem}.", param=field or None) from None


def invalid(field: str, problem: str) -> GatewayError:
    return GatewayError(INVALID_REQUEST, f"{field}: {problem}", param=field)


def medium_of(source: str, kind: MediumKind | None = None, options: MediumOptions = AS_IT_IS) -> Medium:
    """A medium for a source; without a kind, the type that a data URL or a path names decides."""
    return Medium(kind or _kind_of(source), source, options)


def _kind_of(source: str) -> MediumKind:
    """What a source says it is. Its bytes are held against this once they are there."""
    head = source[:64].lower()
    if not head.startswith(("http:", "https:", "s3:", "oss:")):
        return "video" if head.startswith("data:video/") else "image"
    path = source.partition("?")[0].partition("#")[0].lower()
    return "video" if path.endswith(_VIDEO_NAMES) else "image"


def count(media: Sequence[Medium], kind: str) -> int:
    return sum(medium.kind == kind for medium in media)


json_encode = msgspec.json.Encoder().encode
