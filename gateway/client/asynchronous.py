"""The client for asynchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, Literal, overload

import httpx
from tenacity import AsyncRetrying

from gateway.client.batch import Outcome, outcomes
from gateway.client.errors import APIConnectionError
from gateway.client.inputs import Input
from gateway.client.protocol import Connection, Events, Lane, Question, answer_of, error_of, policy
from gateway.client.results import Answer, Event, FinalEvent, TokenEvent


class AsyncAnswerStream:
    """An answer as it comes: iterate over its events, or over `text_stream`. Closing it ends the work."""

    def __init__(self, reply: httpx.Response) -> None:
        self._reply = reply
        self.answer: Answer | None = None
        """The whole answer, once the stream has been read."""

    async def __aiter__(self) -> AsyncIterator[Event]:
        events = Events()
        try:
            async for line in self._reply.aiter_lines():
                if (event := events.read(line)) is None:
                    continue
                if isinstance(event, FinalEvent):
                    self.answer = event.answer
                yield event
        except httpx.TransportError as error:
            raise APIConnectionError("the connection broke off in the middle of the answer") from error
        finally:
            await self.aclose()

    @property
    async def text_stream(self) -> AsyncIterator[str]:
        async for event in self:
            if isinstance(event, TokenEvent):
                yield event.token

    async def aclose(self) -> None:
        await self._reply.aclose()

    async def __aenter__(self) -> AsyncAnswerStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class AsyncQwenVLClient:
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
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._connection = Connection.of(base_url, api_key, timeout, lane)
        self._model = model
        self._policy = policy(tries)
        self._http = http_client or httpx.AsyncClient()

    @overload
    async def ask(
        self, images: Input | Sequence[Input], question: str = "", *, task: str = ...,
        stream: Literal[False] = ..., model: str | None = ..., timeout: float | None = ..., **options: Any,
    ) -> Answer: ...  # fmt: skip

    @overload
    async def ask(
        self, images: Input | Sequence[Input], question: str = "", *, task: str = ...,
        stream: Literal[True], model: str | None = ..., timeout: float | None = ..., **options: Any,
    ) -> AsyncAnswerStream: ...  # fmt: skip

    async def ask(
        self,
        images: Input | Sequence[Input],
        question: str = "",
        *,
        task: str = "vqa",
        stream: bool = False,
        model: str | None = None,
        timeout: float | None = None,
        **options: Any,
    ) -> Answer | AsyncAnswerStream:
        """Put a question about pictures, clips or documents. Raises `QwenVLError`.

        `options` are those of the task API, such as `max_tokens` and `temperature`.
        """
        asked = await asyncio.to_thread(
            Question.of,
            images,
            question,
            task,
            model or self._model,
            options,
            timeout or self._connection.timeout,
        )
        path = "/infer_stream" if stream else "/infer"
        reply = await self._send("POST", path, asked.timeout, json=asked.body, stream=stream)
        return AsyncAnswerStream(reply) if stream else answer_of(reply)

    def batch(self, requests: Iterable[dict[str, Any]], *, at_once: int = 4) -> AsyncIterator[Outcome]:
        """Many questions, each as the arguments of `ask`, taken as they are needed; outcomes in the order
        in which they finish."""
        return outcomes(self.ask, requests, at_once)

    async def tasks(self) -> list[dict[str, Any]]:
        """The tasks that the gateway knows, with their limits and schemas."""
        found: list[dict[str, Any]] = (await self._send("GET", "/tasks", 30)).json()["tasks"]
        return found

    async def models(self) -> list[str]:
        """The names under which models are served."""
        return [model["id"] for model in (await self._send("GET", "/v1/models", 30)).json()["data"]]

    async def _send(
        self, method: str, path: str, timeout: float, *, json: Any = None, stream: bool = False
    ) -> httpx.Response:
        request = self._http.build_request(
            method,
            self._connection.base_url + path,
            json=json,
            headers=self._connection.headers,
            timeout=timeout,
        )
        async for attempt in AsyncRetrying(**self._policy):
            with attempt:
                return await self._once(request, stream)
        raise AssertionError("the policy raises in the end")

    async def _once(self, request: httpx.Request, stream: bool) -> httpx.Response:
        try:
            reply = await self._http.send(request, stream=stream)
            if reply.status_code != 200:
                await reply.aread()
                raise error_of(reply)
        except httpx.TransportError as error:
            raise APIConnectionError(f"{request.url}: {error or type(error).__name__}") from error
        return reply

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> AsyncQwenVLClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
