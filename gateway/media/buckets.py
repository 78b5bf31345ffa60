"""Objects of configured buckets: `s3://name/key` and `oss://name/key`.

By obstore's blocking calls, in threads: its asynchronous ones may abort a process that ends soon after one,
since they come back to Python from threads of their own.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gateway.errors import ADDRESS_REFUSED, FETCH_FAILED, TOO_LARGE, GatewayError
from gateway.runtime.threads import Threads
from gateway.settings import BucketSettings, MediaSettings

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store


_AT_ONCE = 32
"""Objects that are read at the same time."""


class Buckets:
    def __init__(self, settings: MediaSettings) -> None:
        self._buckets = settings.buckets
        self._store = cache(self._open)
        self._threads = Threads(_AT_ONCE, "buckets")

    async def get(self, address: str, tenant: str, limit: int) -> bytes:
        """The object under the address. Raises `GatewayError`."""
        name, _, key = address.partition("://")[2].partition("/")
        bucket = self._buckets.get(name)
        if bucket is None or (bucket.tenants and tenant not in bucket.tenants):
            raise GatewayError(ADDRESS_REFUSED, "The bucket is not one that may be read here.")
        return await self._threads.run(_read, self._store(name), unquote(key), limit)

    def close(self) -> None:
        self._threads.close()

    def _open(self, name: str) -> S3Store:
        return _open(name, self._buckets[name])


def _open(name: str, bucket: BucketSettings) -> S3Store:
    from obstore.store import S3Store

    keys: S3Config = {}
    if bucket.access_key and bucket.secret_key:
        secret = bucket.secret_key.get_secret_value()
        keys = {"access_key_id": bucket.access_key, "secret_access_key": secret}
    return S3Store(
        name,
        endpoint=bucket.endpoint,
        region=bucket.region,
        skip_signature=bucket.access_key is None,
        virtual_hosted_style_request=bucket.virtual_host,
        client_options={"allow_http": bucket.endpoint.startswith("http://"), "timeout": "15s"},
        retry_config={"max_retries": 1},
        config=keys,
    )


def _read(store: S3Store, key: str, limit: int) -> bytes:
    from obstore import get
    from obstore.exceptions import BaseError

    try:
        result = get(store, key)
        if result.meta["size"] > limit:
            raise GatewayError(TOO_LARGE, f"The object is larger than {limit / 1e6:g} MB.")
        return bytes(result.bytes())
    except (BaseError, OSError, ValueError):
        raise GatewayError(FETCH_FAILED, "The object cannot be read from its bucket.") from None
