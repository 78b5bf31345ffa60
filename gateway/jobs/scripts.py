"""The Lua scripts, each a file in `lua/`; see the package for what they work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

import redis as redis_package
from redis.asyncio import Redis

from gateway.errors import UNAVAILABLE, GatewayError

PREFIX = "{jobs}:"
QUEUE = f"{PREFIX}queue"
GROUP = "workers"
CHANGED = f"{PREFIX}changed"
"""The channel on which the id of every job that changes is told."""


class Scripts:
    """Runs scripts by their name."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._registered: dict[str, Any] = {}

    async def run(self, name: str, *arguments: str | bytes | int | float) -> Any:
        """Raises `redis.RedisError`."""
        if name not in self._registered:
            self._registered[name] = self._redis.register_script(_text(name))
        return await self._registered[name](args=arguments)


@cache
def _text(name: str) -> str:
    folder = resources.files("gateway.jobs") / "lua"
    common, own = (folder / f"{file}.lua" for file in ("common", name))
    return common.read_text("utf-8") + own.read_text("utf-8")


@contextmanager
def reachable() -> Iterator[None]:
    """A store that is away is a refusal that the caller may try again."""
    try:
        yield
    except redis_package.RedisError as error:
        raise GatewayError(UNAVAILABLE, "The store of jobs cannot be reached.", retry_after=2) from error
