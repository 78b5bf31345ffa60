"""The client for ordinary code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, overload

import httpx
from tenacity import Retrying

from gateway.client.batch import Outcome, threaded_outcomes
from gateway.client.errors import APIConnectionError
from gateway.client.inputs import Input
from gateway.client.protocol import Connection, Events, Lane, Question, answer_of, error_of, policy
from gateway.client.results import Answer, Event, FinalEvent, TokenEvent


class AnswerStream:
    """An answer as it comes: iterate over its events, or over `text_stream`. Closing it ends the work."""

    def __init__(self, reply: httpx.Response) -> None:
        self._reply = reply
        self.answer: Answer | None = None
        """The whole answer, once the stream has been read."""

    def __iter__(self) -> Iterator[Event]:
        events = Events()
        try:
            for line in self._reply.iter_lines():
                if (event := events.read(line)) is None:
                    continue
                if isinstance(event, FinalEvent):
                    self.answer = event.answer
                yield event
        except httpx.TransportError as error:
            raise APIConnectionError("the connection broke off in the middle of the answer") from error
        finally:
            self.close()

    @property
    def text_stream(self) -> Iterator[str]:
        return (event.token for event in self if isinstance(event, TokenEvent))

    def close(self) -> None:
        self._reply.close()

    def __enter__(self) -> AnswerStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class QwenVLClient:
    """Asks a gateway. Address and key come from `QWEN_VL_BASE_URL` and `QWEN_VL_API_KEY` if left out."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        model: str | None = None,
        timeout: float | None = None,
        tries: int = 3,
        lane: Lane | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        self._connection = Connection.of(base_url, api_key, timeout, lane)
        self._model = model
        self._policy = policy(tries)
        self._http = http_client or httpx.Client()

    @overload
    def ask(
        self, images: Input | Sequence[Input], question: str = "", *, task: str = ...,
        stream: Literal[False] = ..., model: str | None = ..., timeout: float | None = ..., **options: Any,
    ) -> Answer: ...  # fmt: skip

    @overload
    def ask(
        self, images: Input | Sequence[Input], question: str = "", *, task: str = ...,
        stream: Literal[True], model: str | None = ..., timeout: float | None = ..., **options: Any,
    ) -> AnswerStream: ...  # fmt: skip

    def ask(
        self,
        images: Input | Sequence[Input],
        question: str = "",
        *,
        task: str = "vqa",
        stream: bool = False,
        model: str | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Answer | AnswerStream:
        """Put a question about pictures, clips or documents. Raises `QwenVLError`.

        `options` are those of the task API, such as `max_tokens` and `temperature`.
        """
        asked = Question.of(
            images, question, task, model or self._model, options, timeout or self._connection.timeout
        )
        path = "/infer_stream" if stream else "/infer"
        reply = self._send("POST", path, asked.timeout, json=asked.body, stream=stream)
        return AnswerStream(reply) if stream else answer_of(reply)

    def batch(self, requests: Iterable[dict[str, Any]], *, at_once: int = 4) -> Iterator[Outcome]:
        """Many questions, each as the arguments of `ask`, taken as they are needed; outcomes in the order
        in which they finish."""
        return threaded_outcomes(self.ask, requests, at_once)

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that the gateway knows, with their limits and schemas."""
        found: list[dict[str, Any]] = self._send("GET", "/tasks", 30).json()["tasks"]
        return found

    def models(self) -> list[str]:
        """The names under which models are served."""
        return [model["id"] for model in self._send("GET", "/v1/models", 30).json()["data"]]

    def _send(
        self, method: str, path: str, timeout: float, *, json: Any = None, stream: bool = False
    ) -> httpx.Response:
        request = self._http.build_request(
            method,
            self._connection.base_url + path,
            json=json,
            headers=self._connection.headers,
            timeout=timeout,
        )
        for attempt in Retrying(**self._policy):
            with attempt:
                return self._once(request, stream)
        raise AssertionError("the policy raises in the end")

    def _once(self, request: httpx.Request, stream: bool) -> httpx.Response:
        try:
            reply = self._http.send(request, stream=stream)
            if reply.status_code != 200:
                reply.read()
                raise error_of(reply)
        except httpx.TransportError as error:
            raise APIConnectionError(f"{request.url}: {error or type(error).__name__}") from error
        return reply

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> QwenVLClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
