"""Runs scripts in the state store over one connection that all requests share.

Whoever asks while an answer is awaited goes with the next batch: under load a round trip serves
many requests, and alone a request pays for no pool.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ConnectionError, NoScriptError, RedisError

_BATCH = 128
_COMPANY_S = 0.005
_IDLE_S = 1.0
"""Seconds without use after which the store may have closed the connection: it is looked at first."""
Argument = str | int
_Waiting = tuple[bytes, "Script", asyncio.Future[Any]]


class Script:
    """One file of Lua beside this one."""

    def __init__(self, name: str) -> None:
        self.text = (Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8")
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Scripts:
    def __init__(self, client: Redis, timeout_s: float) -> None:
        self._pool: Any = client.connection_pool
        self._timeout_s = timeout_s
        self._connection: Any = None
        self._used = 0.0
        self._waiting: list[_Waiting] = []
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def send(
        self, script: Script, keys: Sequence[str], *arguments: Argument, soon: bool = True
    ) -> asyncio.Future[Any]:
        """The script's answer, when it is there. Fails with a `redis.RedisError` where the store is
        away or slow.

        What need not be `soon` waits some milliseconds for company, unless others go before that.
        All go in the order in which they came.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        command = _packed(("EVALSHA", script.digest, len(keys), *keys, *arguments))
        self._waiting.append((command, script, answer))
        if soon:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_COMPANY_S, self._begin)
        return answer

    def _begin(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and (self._running is None or self._running.done()):
            self._running = asyncio.create_task(self._work())

    async def aclose(self) -> None:
        self._begin()
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)
        await self._hang_up()

    async def _work(self) -> None:
        """Batch after batch until nobody waits."""
        while self._waiting:
            batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            try:
                async with asyncio.timeout(self._timeout_s):
                    answers = await self._send([command for command, _, _ in batch])
                    await self._send_again(batch, answers)
            except Exception as error:  # whatever it is, nobody may wait for ever
                await self._hang_up()
                answers = [ConnectionError(type(error).__name__)] * len(batch)
            for (_, _, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

    async def _send(self, commands: list[bytes]) -> list[Any]:
        if self._connection is None:
            self._connection = self._pool.make_connection()
            await self._connection.connect()
            self._connection.socket_timeout = None  # a whole batch has one time limit, in `_work`
        elif time.monotonic() - self._used > _IDLE_S:
            await self._pool.ensure_connection(self._connection)
        await self._connection.send_packed_command(commands, check_health=False)
        answers: list[Any] = []
        for _ in commands:
            try:
                answers.append(await self._connection.read_response())
            except RedisError as error:
                if isinstance(error, ConnectionError):
                    raise
                answers.append(error)
        self._used = time.monotonic()
        return answers

    async def _send_again(self, batch: list[_Waiting], answers: list[Any]) -> None:
        """A store that was started anew does not know the scripts yet."""
        missing = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if not missing:
            return
        scripts = {batch[i][1].digest: batch[i][1] for i in missing}
        await self._send([_packed(("SCRIPT", "LOAD", script.text)) for script in scripts.values()])
        for i, answer in zip(missing, await self._send([batch[i][0] for i in missing]), strict=True):
            answers[i] = answer

    async def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


def _packed(parts: Sequence[Argument]) -> bytes:
    """A command as the Redis protocol writes it. redis-py does the same, at several times the cost."""
    return b"*%d\r\n%b" % (len(parts), b"".join(map(_word, parts)))


@lru_cache(8192)
def _word(part: Argument) -> bytes:
    """Most are the same again and again: digests, names and limits."""
    text = str(part).encode()
    return b"$%d\r\n%b\r\n" % (len(text), text)
