"""Requests and replies of the task API, without the connection: shared by both clients."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import httpx
import msgspec
from tenacity import RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from gateway.client.errors import APIConnectionError, APIError, OverloadedError, error_class
from gateway.client.inputs import Input, is_slow, sources
from gateway.client.results import Answer, Event, FinalEvent, ProgressEvent, ReasoningEvent, TokenEvent

Lane = Literal["batch"]
"""`batch`: behind the requests that people wait for."""

DEFAULT_URL = "http://127.0.0.1:8000"
_FAST_S, _SLOW_S, _SLOWEST_S = 60.0, 60.0, 120.0
_BACKOFF = wait_random_exponential(multiplier=0.5, max=10)
_LONGEST_WAIT_S = 60.0


class Connection(msgspec.Struct, frozen=True):
    """Where the gateway is, and who asks."""

    base_url: str
    headers: dict[str, str]
    timeout: float | None

    @classmethod
    def of(
        cls, base_url: str | None, api_key: str | None, timeout: float | None, lane: Lane | None = None
    ) -> Connection:
        """What is not given comes from `QWEN_VL_BASE_URL` and `QWEN_VL_API_KEY`."""
        url = base_url or os.environ.get("QWEN_VL_BASE_URL") or DEFAULT_URL
        key = api_key or os.environ.get("QWEN_VL_API_KEY")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        headers |= {"x-lane": lane} if lane else {}
        return cls(url.rstrip("/"), headers, timeout)


class Question(msgspec.Struct, frozen=True):
    """One question, ready to be sent."""

    body: dict[str, Any]
    timeout: float

    @classmethod
    def of(
        cls,
        images: Input | Sequence[Input],
        text: str,
        task: str,
        model: str | None,
        options: dict[str, Any],
        timeout: float | None,
    ) -> Question:
        found = sources(images)
        body = {"task": task, "images": found, "text": text, "options": options}
        if model:
            body["model"] = model
        return cls(body, timeout or _timeout(found))


def _timeout(found: list[str]) -> float:
    """Longer for clips and documents, and then by their size: 60 to 120 seconds."""
    slow = [len(source) for source in found if is_slow(source)]
    return min(_SLOWEST_S, _SLOW_S + sum(slow) / 500_000 + 20) if slow else _FAST_S


def answer_of(reply: httpx.Response) -> Answer:
    """Raises `APIError`, also where something that is not the gateway has answered."""
    if reply.status_code != 200:
        raise error_of(reply)
    try:
        body = reply.json()
        return _answer(body | (body.get("result") or {}))
    except (ValueError, TypeError, AttributeError):  # msgspec's are ValueErrors
        said = {"msg": "The reply is not one of the gateway: is it the right address?"}
        raise _error(said, reply.status_code, reply.headers.get("x-request-id")) from None


def _answer(body: dict[str, Any]) -> Answer:
    return msgspec.convert(body, Answer)


def error_of(reply: httpx.Response) -> APIError:
    """The exception for a refusal, whichever format it is in."""
    try:
        body = reply.json()
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    error = _error(body, reply.status_code, reply.headers.get("x-request-id"))
    error.retry_after = _seconds(reply.headers.get("retry-after"))
    error.may_work_later = reply.headers.get("x-should-retry") != "false"
    return error


def _error(body: dict[str, Any], status: int, request_id: str | None) -> APIError:
    inner = body.get("error")
    message = inner.get("message") if isinstance(inner, dict) else body.get("msg")
    code = body.get("code")
    code = code if isinstance(code, int) else 0
    return error_class(status, code)(
        message or f"HTTP status {status}",
        code=code,
        status=status,
        request_id=body.get("request_id") or request_id,
    )


class Events:
    """Puts the lines of a stream together into events."""

    def __init__(self) -> None:
        self._name = ""

    def read(self, line: str) -> Event | None:
        """Raises `APIError` for a failure in the middle of the stream."""
        if line.startswith("event:"):
            self._name = line[6:].strip()
            return None
        if not line.startswith("data:"):
            return None
        body = msgspec.json.decode(line[5:])
        match self._name:
            case "token":
                return msgspec.convert(body, TokenEvent)
            case "reasoning":
                return msgspec.convert(body, ReasoningEvent)
            case "progress":
                return msgspec.convert(body, ProgressEvent)
            case "final":
                return FinalEvent(_answer(body))
            case "error":
                raise _error(body, 200, None)
        return None


def policy(tries: int) -> dict[str, Any]:
    """How both clients try again: never what is wrong in itself, and as late as the server asks."""
    return {
        "stop": stop_after_attempt(max(1, tries)),
        "wait": _wait,
        "retry": retry_if_exception(_may_work_later),
        "reraise": True,
    }


def _may_work_later(error: BaseException) -> bool:
    if isinstance(error, OverloadedError):
        return error.may_work_later
    return isinstance(error, APIConnectionError)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = getattr(error, "retry_after", None)
    return _BACKOFF(state) if asked is None else min(asked, _LONGEST_WAIT_S)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:
        return None
