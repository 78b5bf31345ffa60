"""From the text of a key to its record, asked anew from the store before a second is over."""

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
_Kept = tuple[float, ApiKey]
"""When it was asked for, on the monotonic clock, and what was said."""

_TRUSTED_S = 1.0
"""How long a record is used: a revoked key ends within this time."""
_FRESH_S = 0.5
"""After this it is read again beside the requests, so that none waits for it."""
_PAUSE_S = 0.25
"""How long a store that did not answer is left alone."""
_MOST = 10_000
_CHALLENGE = {"www-authenticate": "Bearer"}
AWAY = "key.store"
"""The rule of a refusal because no key can be checked."""


class Keyring:
    def __init__(self, store: KeyStore | None, admin_key: str | None, outage_s: float) -> None:
        self._store = store
        self._admin = digest_of(admin_key) if admin_key else None
        self._outage_s = outage_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
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
            self._away_until = time.monotonic() + _PAUSE_S
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
        digest = digest_of(secret)
        kept = self._kept.get(digest)
        if self._store is None or (kept is None and not is_well_formed(secret)):
            raise unauthenticated("The API key is not valid.")
        age = float("inf") if kept is None else time.monotonic() - kept[0]
        if kept is None or age >= _TRUSTED_S:
            kept = await self._read(self._store, digest, kept)
        elif age >= _FRESH_S and digest not in self._asking and time.monotonic() >= self._away_until:
            self._ask(digest, self._renew(self._store, digest))
        if kept is None or not kept[1].matches(digest):
            raise unauthenticated("The API key is not valid.")
        return kept[1]

    async def _read(self, store: KeyStore, digest: str, kept: _Kept | None) -> _Kept | None:
        """The record as the store has it now; while that is away, the one that was in use until then."""
        now = time.monotonic()
        trusted = kept if kept is not None and now - kept[0] < self._outage_s else None
        if now >= self._away_until:
            try:
                return await self._once(digest, self._renew(store, digest))
            except (RedisError, OSError, TimeoutError) as error:
                if trusted is None:
                    raise _away() from error
        if trusted is None:
            raise _away()
        return trusted

    async def _renew(self, store: KeyStore, digest: str) -> _Kept | None:
        now = time.monotonic()
        try:
            key = await store.by_digest(digest)
        except (RedisError, OSError, TimeoutError):
            self._away_until = time.monotonic() + _PAUSE_S
            raise
        if key is None:
            self._kept.pop(digest, None)
            return None
        kept = self._kept[digest] = (now, key)
        self._kept.move_to_end(digest)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return kept

    async def _once(self, name: str, question: Coroutine[Any, Any, T]) -> T:
        """The answer to a question that the store is asked once, however many want to know."""
        task = self._asking.get(name)
        if task is None:
            task = self._ask(name, question)
        else:
            question.close()
        return await asyncio.shield(task)

    def _ask(self, name: str, question: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = self._asking[name] = asyncio.create_task(question)
        task.add_done_callback(_heard)
        task.add_done_callback(lambda _: self._asking.pop(name, None))
        return task


def _heard(task: asyncio.Task[Any]) -> None:
    """Nobody may be left to hear of a failure."""
    if not task.cancelled():
        task.exception()


def unauthenticated(detail: str) -> GatewayError:
    return GatewayError(UNAUTHENTICATED, detail, headers=_CHALLENGE, rule="key")


def _away() -> GatewayError:
    return GatewayError(UNAVAILABLE, "Keys cannot be checked at the moment.", retry_after=5, rule=AWAY)
