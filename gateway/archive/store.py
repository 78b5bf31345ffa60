"""The archive on a local disk or in a bucket, both by obstore."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from obstore import delete, get, head, list_with_delimiter, put
from obstore import list as list_objects
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from gateway.archive.base import ArchiveError, Store, Stored
from gateway.runtime.threads import Threads
from gateway.settings import ArchiveSettings, SettingsError

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")

_AT_ONCE = 8
"""Objects that are read or written at the same time."""
_LISTED = 1000
_DELETED = 1000
"""Objects that S3 deletes by one request."""


def open_store(settings: ArchiveSettings, default: Path) -> Store:
    """The configured store; nothing is sent yet. `default` is the folder of `local`.

    Raises `SettingsError`.
    """
    folder = settings.folder(default)
    try:
        return ObstoreStore(_bucket(settings) if folder is None else _folder(folder), settings.timeout_s)
    except (OSError, ValueError, BaseError) as error:
        raise SettingsError(f"archive.url: {_said(error)}") from None


def _folder(folder: Path) -> LocalStore:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LocalStore(folder, automatic_cleanup=True)


def _bucket(settings: ArchiveSettings) -> S3Store:
    parts = urlsplit(settings.url)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        region=settings.region,
        virtual_hosted_style_request=settings.virtual_host,
        client_options={
            "allow_http": (settings.endpoint or "").startswith("http://"),
            "connect_timeout": "5s",
            "timeout": f"{settings.timeout_s:g}s",
        },
        retry_config={"max_retries": 0},  # the writer tries again by itself
        config=_config(settings),
    )


def _config(settings: ArchiveSettings) -> S3Config:
    """What the environment (`AWS_*`) and the machine's role say where the settings say nothing."""
    config: S3Config = {}
    if settings.endpoint:
        config["endpoint"] = settings.endpoint
    if settings.access_key and settings.secret_key:
        config["access_key_id"] = settings.access_key
        config["secret_access_key"] = settings.secret_key.get_secret_value()
    return config


class ObstoreStore:
    """By obstore's blocking calls, in threads: its asynchronous ones may abort a process that ends soon
    after one, since they come back to Python from threads of their own."""

    def __init__(self, store: LocalStore | S3Store, timeout_s: float) -> None:
        self._store: Any = store
        self._timeout_s = timeout_s
        self._threads = Threads(_AT_ONCE, "archive")
        self._free = asyncio.Semaphore(_AT_ONCE)

    async def put(self, path: str, data: bytes) -> None:
        await self._run(put, self._store, path, data)

    async def get(self, path: str) -> bytes | None:
        return await self._run(self._get, path)

    async def modified(self, path: str) -> datetime | None:
        return await self._run(self._modified, path)

    async def files(self, prefix: str) -> AsyncIterator[Sequence[Stored]]:
        chunks = iter(list_objects(self._store, prefix, chunk_size=_LISTED))
        while found := await self._run(next, chunks, ()):
            yield [Stored(one["path"], one["size"], one["last_modified"]) for one in found]

    async def folders(self, prefix: str = "") -> list[str]:
        found = await self._run(list_with_delimiter, self._store, prefix or None)
        return [one.rstrip("/").rpartition("/")[2] for one in found["common_prefixes"]]

    async def delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _DELETED):
            await self._run(self._delete, paths[start : start + _DELETED])

    def _get(self, path: str) -> bytes | None:
        try:
            return bytes(get(self._store, path).bytes())
        except FileNotFoundError:
            return None

    def _modified(self, path: str) -> datetime | None:
        try:
            return head(self._store, path)["last_modified"]
        except FileNotFoundError:
            return None

    def _delete(self, paths: Sequence[str]) -> None:
        """All at once; where a local file is gone meanwhile, which ends that, one by one."""
        try:
            delete(self._store, paths)
        except FileNotFoundError:
            for path in paths if len(paths) > 1 else ():
                self._delete([path])

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        try:
            async with self._free, asyncio.timeout(self._timeout_s):
                return await self._threads.run(work, *args)
        except TimeoutError:
            raise ArchiveError("the store is too slow (archive.timeout_s)") from None
        except (OSError, ValueError, BaseError) as error:
            raise ArchiveError(_said(error)) from None


def _said(error: Exception) -> str:
    """The first line: what follows it is for developers of obstore."""
    return str(error).partition("\n")[0].strip() or type(error).__name__
