"""What can go wrong when asking.

QwenVLError
├── APIConnectionError      no answer came: no connection, or a timeout
└── APIError                the server refused or failed; has `code`, `status` and `request_id`
    ├── BadRequestError         the request is wrong
    │   └── ContentError            its content is not allowed
    ├── AuthenticationError     the key is missing, wrong or not allowed this
    ├── NotFoundError           no such model or path
    ├── OverloadedError         full, not ready, or over a rate or quota; try again later
    └── ServerError             the model or the gateway failed
"""

from __future__ import annotations

_CONTENT_CODES = range(3000, 4000)


class QwenVLError(Exception):
    """Base of all errors of this SDK."""


class APIConnectionError(QwenVLError):
    """No answer came."""


class APIError(QwenVLError):
    """The server refused or failed."""

    def __init__(self, message: str, *, code: int, status: int, request_id: str | None) -> None:
        super().__init__(f"{message} [request {request_id}]" if request_id else message)
        self.message = message
        self.code = code
        """The business code; 0 where the reply had none."""
        self.status = status
        """The HTTP status; 200 where the failure came in the middle of a stream."""
        self.request_id = request_id
        self.retry_after: float | None = None
        """Seconds after which the server asks to try again."""
        self.may_work_later = True
        """False where the server says that waiting does not help, as with a quota that is spent."""


class BadRequestError(APIError):
    """The request is wrong; sent again as it is, it fails again."""


class ContentError(BadRequestError):
    """What was asked, sent or answered is not allowed."""


class AuthenticationError(APIError):
    """The key is missing, wrong or not allowed this."""


class NotFoundError(APIError):
    """There is no such model or path."""


class OverloadedError(APIError):
    """Full, not ready, or over a rate or quota; the same request may work later."""


class ServerError(APIError):
    """The model or the gateway failed."""


def error_class(status: int, code: int) -> type[APIError]:
    if code in _CONTENT_CODES:
        return ContentError
    if status in (401, 403):
        return AuthenticationError
    if status == 404:
        return NotFoundError
    if status in (429, 503) or 2001 <= code <= 2002:
        return OverloadedError
    return BadRequestError if 400 <= status < 500 else ServerError
