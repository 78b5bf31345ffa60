"""Business codes: one table, and the one exception that carries them.

Every wire format renders these in its own shape; the code is in the message too, because
clients drop fields they do not know.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine import errors as engine_errors


class Code(msgspec.Struct, frozen=True):
    number: int
    status: int
    """HTTP status of a reply that carries this code instead of a result."""
    name: str
    meaning: str
    advice: str


SUCCESS = Code(0, 200, "success", "The request succeeded.", "")
INVALID_REQUEST = Code(1000, 400, "invalid_request", "The request is not valid.", "Correct the field named.")
IMAGE_FORMAT = Code(
    1001,
    400,
    "image_format",
    "An image is not a readable JPEG, PNG or WebP.",
    "Convert it to JPEG, PNG or WebP.",
)
VIDEO_TOO_LONG = Code(1002, 400, "video_too_long", "A video is longer than allowed.", "Cut it to 30 seconds.")
TOO_LARGE = Code(
    1003,
    413,
    "too_large",
    "The body, a medium or the media together are over a limit.",
    "Send less or smaller.",
)
VIDEO_FORMAT = Code(
    1004, 400, "video_format", "A video cannot be read.", "Convert it to MP4 (H.264) or WebM."
)
ADDRESS_REFUSED = Code(
    1005, 400, "address_refused", "An address is not fetched.", "Send the file itself as a data URL."
)
MODEL_NOT_FOUND = Code(1006, 404, "model_not_found", "No such model is served.", "GET /v1/models lists them.")
NOT_FOUND = Code(
    1007, 404, "not_found", "There is nothing under this path.", "GET /openapi.json lists all paths."
)
METHOD_NOT_ALLOWED = Code(
    1008, 405, "method_not_allowed", "The path takes another method.", "Use the method named in Allow."
)
CONTENT_TYPE = Code(
    1009, 415, "content_type", "The body is not JSON.", "Send Content-Type: application/json, uncompressed."
)
CONTEXT_TOO_LONG = Code(
    1010,
    400,
    "context_too_long",
    "Prompt and answer do not fit the model.",
    "Send less text, fewer or smaller media.",
)
FETCH_FAILED = Code(
    1011,
    400,
    "fetch_failed",
    "An address could not be fetched.",
    "Check the address, or send the file itself.",
)
DOCUMENT_FORMAT = Code(
    1012,
    400,
    "document_format",
    "A document cannot be read.",
    "Send a PDF without a password, or its pages as images.",
)
FILE_NOT_FOUND = Code(
    1013, 404, "file_not_found", "There is no such file.", "Upload it again: POST /v1/files."
)
JOB_NOT_FOUND = Code(
    1014,
    404,
    "job_not_found",
    "There is no such job or batch.",
    "GET /v1/jobs lists them; old ones are deleted.",
)
CONFLICT = Code(
    1015, 409, "conflict", "It cannot be done as things are.", "Use another key, or look at its state."
)
BODY_TIMEOUT = Code(
    1016, 408, "body_timeout", "The body did not arrive in time.", "Send it faster, or in smaller parts."
)
OVERLOADED = Code(
    2001, 503, "overloaded", "The service is at its limit.", "Try again after Retry-After seconds."
)
UNAVAILABLE = Code(
    2002, 503, "unavailable", "The model is not ready.", "Try again after Retry-After seconds."
)
TIMEOUT = Code(
    2003, 504, "timeout", "The answer took longer than allowed.", "Ask for less, or allow more time."
)
ENGINE_FAILED = Code(
    2004, 500, "engine_failed", "The model failed on this request.", "Try again; report the request id."
)
TOOL_ARGUMENTS = Code(
    2005,
    500,
    "tool_arguments",
    "The model called a tool in a way that the tool does not allow.",
    "Try again, or ask for less in the tool's schema.",
)
CONTENT = Code(3001, 400, "content", "The content is not allowed.", "Change the prompt or the image.")
UNAUTHENTICATED = Code(
    4001,
    401,
    "unauthenticated",
    "The API key is missing or not valid.",
    "Send a valid key as a bearer token.",
)
FORBIDDEN = Code(4002, 403, "forbidden", "The API key may not do this.", "Use a key that may.")
RATE_LIMITED = Code(
    4003, 429, "rate_limited", "The API key is over its rate limit.", "Try again after Retry-After seconds."
)
QUOTA_SPENT = Code(
    4004,
    429,
    "quota_spent",
    "The API key has spent its quota.",
    "Ask for a larger quota, or wait for the next month.",
)
INTERNAL = Code(5000, 500, "internal", "Something went wrong in the gateway.", "Report the request id.")

CODES: tuple[Code, ...] = (
    SUCCESS,
    INVALID_REQUEST,
    IMAGE_FORMAT,
    VIDEO_TOO_LONG,
    TOO_LARGE,
    VIDEO_FORMAT,
    ADDRESS_REFUSED,
    MODEL_NOT_FOUND,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONTENT_TYPE,
    CONTEXT_TOO_LONG,
    FETCH_FAILED,
    DOCUMENT_FORMAT,
    FILE_NOT_FOUND,
    JOB_NOT_FOUND,
    CONFLICT,
    BODY_TIMEOUT,
    OVERLOADED,
    UNAVAILABLE,
    TIMEOUT,
    ENGINE_FAILED,
    TOOL_ARGUMENTS,
    CONTENT,
    UNAUTHENTICATED,
    FORBIDDEN,
    RATE_LIMITED,
    QUOTA_SPENT,
    INTERNAL,
)


class GatewayError(Exception):
    """A refusal or failure with its business code. `detail` is safe to show to the client."""

    def __init__(
        self,
        code: Code,
        detail: str = "",
        *,
        param: str | None = None,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
        rule: str | None = None,
    ) -> None:
        super().__init__(detail or code.meaning)
        self.code = code
        self.detail = detail or code.meaning
        self.param = param
        self.retry_after = retry_after
        self.headers = headers or {}
        self.rule = rule
        """A word for the audit log: which rule refused, such as `scope.tasks` or `limit.requests`."""

    @property
    def message(self) -> str:
        """For people: what is wrong, what to do, and the code."""
        text = " ".join(filter(None, (self.detail, self.code.advice)))
        return f"{text} (code {self.code.number})"

    @property
    def reply_headers(self) -> dict[str, str]:
        if self.retry_after is None:
            return self.headers
        return {**self.headers, "retry-after": str(max(1, round(self.retry_after)))}


OVERLOAD_REASONS = (
    "queue_full",
    "pushed_out",
    "predicted_wait",
    "max_wait",
    "engine_busy",
    "kv_cache",
    "host_memory",
    "unhealthy",
)
"""Why a request is too much, as metrics name it."""


class Overload(GatewayError):
    """The engine, or the way to it, takes no further request now; a smaller model may."""

    def __init__(self, reason: str, detail: str, retry_after: float) -> None:
        super().__init__(OVERLOADED, detail, retry_after=retry_after)
        self.reason = reason
        """One of `OVERLOAD_REASONS`."""


def from_engine(error: engine_errors.EngineError) -> GatewayError:
    """The business code for an engine's error."""
    details: dict[str, Any] = {"detail": str(error)}
    match error:
        case engine_errors.ContextTooLong():
            return GatewayError(CONTEXT_TOO_LONG, param=error.param, **details)
        case engine_errors.InvalidRequest():
            return GatewayError(INVALID_REQUEST, param=error.param, **details)
        case engine_errors.Overloaded():
            return GatewayError(OVERLOADED, retry_after=1, **details)
        case engine_errors.EngineUnavailable():
            return GatewayError(UNAVAILABLE, retry_after=5, **details)
        case _:
            return GatewayError(ENGINE_FAILED, **details)
