"""Keys in the state store: one record a key, found by the key's id or by its text's digest."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import WatchError

from gateway.accounts.key import ApiKey, keep
from gateway.accounts.secret import new_secret

_BY_ID = "qwen-vl:keys"
_BY_DIGEST = "qwen-vl:digests"

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(ApiKey).decode


class UnknownKey(Exception):
    """There is no key with this id."""


class KeyStore:
    """Every method raises `redis.RedisError` where the store is away."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def create(self, **fields: Any) -> tuple[ApiKey, str]:
        """A new key and its text, which nothing keeps. `fields` are those of `ApiKey`."""
        secret = new_secret()
        blank = ApiKey(id=f"key_{secrets.token_hex(8)}", digest="", created=time.time(), **fields)
        key = keep(blank, secret)
        await self._write(key)
        return key, secret

    async def by_digest(self, digest: str) -> ApiKey | None:
        record: Any = await self._client.hget(_BY_DIGEST, digest)
        return _decode(record) if record else None

    async def get(self, key_id: str) -> ApiKey:
        """Raises `UnknownKey`."""
        record: Any = await self._client.hget(_BY_ID, key_id)
        if record is None:
            raise UnknownKey(key_id)
        return _decode(record)

    async def list(self) -> list[ApiKey]:
        """All keys, the revoked ones too, the oldest first."""
        records: Any = await self._client.hvals(_BY_ID)
        return sorted(map(_decode, records), key=lambda key: key.created)

    async def any(self) -> bool:
        """Whether a key was ever made; revoking the last one does not open a server."""
        return bool(await self._client.hlen(_BY_ID))

    async def disable(self, key_id: str, disabled: bool = True) -> ApiKey:
        """Stop a key until it is enabled again. Raises `UnknownKey`."""
        return await self._change(key_id, lambda key: msgspec.structs.replace(key, disabled=disabled))

    async def revoke(self, key_id: str) -> ApiKey:
        """End a key for good. Raises `UnknownKey`."""

        def ended(key: ApiKey) -> ApiKey:
            return msgspec.structs.replace(key, revoked=key.revoked or time.time(), old_until=0)

        return await self._change(key_id, ended)

    async def rotate(self, key_id: str, overlap_s: float) -> tuple[ApiKey, str]:
        """A new text for the key. The one before works for `overlap_s` seconds more. Raises `UnknownKey`."""
        secret = new_secret()

        def turned(key: ApiKey) -> ApiKey:
            until = time.time() + overlap_s
            return keep(msgspec.structs.replace(key, old_digest=key.digest, old_until=until), secret)

        return await self._change(key_id, turned), secret

    async def _change(self, key_id: str, change: Callable[[ApiKey], ApiKey]) -> ApiKey:
        """Nobody else's change is lost: the record is read again if it has changed meanwhile."""
        while True:
            async with self._client.pipeline() as pipe:
                await pipe.watch(_BY_ID)
                record: Any = await pipe.hget(_BY_ID, key_id)
                if record is None:
                    raise UnknownKey(key_id)
                before = _decode(record)
                after = change(before)
                pipe.multi()  # type: ignore[no-untyped-call]
                self._put(pipe, after)
                for digest in {before.digest, before.old_digest} - {after.digest, after.old_digest, None}:
                    pipe.hdel(_BY_DIGEST, str(digest))
                try:
                    await pipe.execute()
                except WatchError:
                    continue
                return after

    async def _write(self, key: ApiKey) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            self._put(pipe, key)
            await pipe.execute()

    def _put(self, pipe: Any, key: ApiKey) -> None:
        record = _encode(key)
        pipe.hset(_BY_ID, key.id, record)
        for digest in filter(None, (key.digest, key.old_digest)):
            pipe.hset(_BY_DIGEST, digest, record)
