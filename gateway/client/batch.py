"""Many questions, a few at a time; they are taken as they are needed, and outcomes come as they are there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

import msgspec

from gateway.client.errors import QwenVLError
from gateway.client.results import Answer

Request = dict[str, Any]


class Outcome(msgspec.Struct, frozen=True):
    """What became of one question: an answer or an error."""

    index: int
    """Its place among the questions, from 0."""
    request: Request
    answer: Answer | None = None
    error: Any = None
    """The `QwenVLError`, where there is no answer."""


class UnreadableError(QwenVLError):
    """A file of the question cannot be read."""


async def outcomes(
    ask: Callable[..., Awaitable[Answer]], requests: Iterable[Request], at_once: int
) -> AsyncIterator[Outcome]:
    """In the order in which they finish. Leaving ends those that run."""

    async def one(index: int, request: Request) -> Outcome:
        try:
            return Outcome(index, request, await ask(**request))
        except (QwenVLError, OSError) as error:
            return Outcome(index, request, error=_as_ours(error))

    source = enumerate(requests)
    running: set[asyncio.Task[Outcome]] = set()
    try:
        while True:
            for index, request in islice(source, at_once - len(running)):
                running.add(asyncio.create_task(one(index, request)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def threaded_outcomes(
    ask: Callable[..., Answer], requests: Iterable[Request], at_once: int
) -> Iterator[Outcome]:
    """As `outcomes`, in threads. Leaving waits for those that run."""

    def one(index: int, request: Request) -> Outcome:
        try:
            return Outcome(index, request, ask(**request))
        except (QwenVLError, OSError) as error:
            return Outcome(index, request, error=_as_ours(error))

    source = enumerate(requests)
    running: set[Future[Outcome]] = set()
    with ThreadPoolExecutor(at_once) as threads:
        while True:
            for index, request in islice(source, at_once - len(running)):
                running.add(threads.submit(one, index, request))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()


def _as_ours(error: Exception) -> QwenVLError:
    if isinstance(error, OSError):
        return UnreadableError(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    assert isinstance(error, QwenVLError)
    return error
