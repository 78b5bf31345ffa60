"""The archive on a local disk or in a bucket, both by obstore."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore import delete_async, get_async, head_async, list_with_delimiter_async, put_async
from obstore import list as list_objects
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from gateway.archive.base import ArchiveError, Store, Stored
from gateway.settings import ArchiveSettings, SettingsError

if TYPE_CHECKING:
    from obstore.store import S3Config

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
        retry_config={"max_retries": 2},
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
    def __init__(self, store: LocalStore | S3Store, timeout_s: float) -> None:
        self._store: Any = store
        self._timeout_s = timeout_s

    async def put(self, path: str, data: bytes) -> None:
        async with self._within():
            await put_async(self._store, path, data)

    async def get(self, path: str) -> bytes | None:
        async with self._within():
            try:
                return bytes(await (await get_async(self._store, path)).bytes_async())
            except FileNotFoundError:
                return None

    async def modified(self, path: str) -> datetime | None:
        async with self._within():
            try:
                return (await head_async(self._store, path))["last_modified"]
            except FileNotFoundError:
                return None

    async def files(self, prefix: str) -> AsyncIterator[Sequence[Stored]]:
        with _translated():
            async for found in list_objects(self._store, prefix, chunk_size=_LISTED):
                yield [Stored(one["path"], one["size"], one["last_modified"]) for one in found]

    async def folders(self, prefix: str = "") -> list[str]:
        async with self._within():
            found = await list_with_delimiter_async(self._store, prefix or None)
            return [one.rstrip("/").rpartition("/")[2] for one in found["common_prefixes"]]

    async def delete(self, paths: Sequence[str]) -> None:
        for start in range(0, len(paths), _DELETED):
            async with self._within():
                await self._delete(paths[start : start + _DELETED])

    async def _delete(self, paths: Sequence[str]) -> None:
        """All at once; where a local file is gone meanwhile, which ends that, one by one."""
        try:
            await delete_async(self._store, paths)
        except FileNotFoundError:
            for path in paths if len(paths) > 1 else ():
                await self._delete([path])

    @asynccontextmanager
    async def _within(self) -> AsyncIterator[None]:
        with _translated():
            async with asyncio.timeout(self._timeout_s):
                yield


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise ArchiveError("the store is too slow (archive.timeout_s)") from None
    except (OSError, ValueError, BaseError) as error:
        raise ArchiveError(_said(error)) from None


def _said(error: Exception) -> str:
    """The first line: what follows it is for developers of obstore."""
    return str(error).partition("\n")[0].strip() or type(error).__name__
