"""From the text of a key to its record, asked anew from the store every second."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any, TypeVar

from redis.exceptions import RedisError

from gateway.accounts.key import ApiKey
from gateway.accounts.secret import digest_of, is_well_formed
from gateway.accounts.store import KeyStore
from gateway.errors import UNAUTHENTICATED, UNAVAILABLE, GatewayError

T = TypeVar("T")

_TRUSTED_S = 1.0
"""How long a record is used before it is read again: a revoked key ends within this time."""
_MOST = 10_000
_CHALLENGE = {"www-authenticate": "Bearer"}


class Keyring:
    def __init__(self, store: KeyStore | None, admin_key: str | None, outage_s: float) -> None:
        self._store = store
        self._admin = digest_of(admin_key) if admin_key else None
        self._outage_s = outage_s
        self._kept: OrderedDict[str, tuple[float, ApiKey]] = OrderedDict()
        self._some = admin_key is not None
        self._asked = 0.0
        self._away_until = 0.0
        self._asking: dict[str, asyncio.Task[Any]] = {}

    @property
    def configured(self) -> bool:
        """Whether there is an admin key, and so a way to make others."""
        return self._admin is not None

    async def any(self) -> bool:
        """Whether requests need a key. Once they do, they do until the process ends."""
        if self._some or self._store is None:
            return self._some
        now = time.monotonic()
        if self._asked and (now - self._asked < _TRUSTED_S or now < self._away_until):
            return False
        try:
            self._some = await self._once("any", self._store.any())
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + _TRUSTED_S
            if not self._asked or now - self._asked >= self._outage_s:
                raise _away() from error
            return False
        self._asked = now
        return self._some

    def is_admin(self, secret: str) -> bool:
        return self._admin is not None and hmac.compare_digest(digest_of(secret), self._admin)

    async def find(self, secret: str) -> ApiKey:
        """The key with this text. Raises `GatewayError` where there is none.

        Secrets are compared as digests only: what a comparison's time could tell is of no use.
        """
        if self._store is None or not is_well_formed(secret):
            raise unauthenticated("The API key is not valid.")
        digest = digest_of(secret)
        kept = self._kept.get(digest)
        if kept is None or time.monotonic() - kept[0] >= _TRUSTED_S:
            kept = await self._read(self._store, digest, kept)
        if not kept[1].matches(digest):
            raise unauthenticated("The API key is not valid.")
        return kept[1]

    async def _read(
        self, store: KeyStore, digest: str, kept: tuple[float, ApiKey] | None
    ) -> tuple[float, ApiKey]:
        now = time.monotonic()
        trusted = kept if kept is not None and now - kept[0] < self._outage_s else None
        if now < self._away_until:
            if trusted is None:
                raise _away()
            return trusted
        try:
            key = await self._once(digest, store.by_digest(digest))
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + _TRUSTED_S
            if trusted is None:
                raise _away() from error
            return trusted
        if key is None:
            self._kept.pop(digest, None)
            raise unauthenticated("The API key is not valid.")
        self._kept[digest] = (now, key)
        self._kept.move_to_end(digest)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return now, key

    async def _once(self, name: str, question: Coroutine[Any, Any, T]) -> T:
        """The answer to a question that the store is asked once, however many want to know."""
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(question)
            task.add_done_callback(_heard)
            task.add_done_callback(lambda _: self._asking.pop(name, None))
        else:
            question.close()
        return await asyncio.shield(task)


def _heard(task: asyncio.Task[Any]) -> None:
    """Nobody may be left to hear of a failure."""
    if not task.cancelled():
        task.exception()


def unauthenticated(detail: str) -> GatewayError:
    return GatewayError(UNAUTHENTICATED, detail, headers=_CHALLENGE, rule="key")


def _away() -> GatewayError:
    return GatewayError(UNAVAILABLE, "Keys cannot be checked at the moment.", retry_after=5, rule="key.store")
