"""Work in a thread that nobody waits for when the process ends, as the default executor's are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


async def in_own_thread(name: str, work: Callable[..., T], *args: Any) -> T:
    """What `work(*args)` gives or raises. Cancelled, it goes on, and its outcome is lost."""
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # so that a cancellation leaves it to be settled in peace

    def run() -> None:
        try:
            outcome.set_result(work(*args))
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, name=name, daemon=True).start()
    return await asyncio.wrap_future(outcome)
