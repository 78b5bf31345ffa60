"""Uploaded files: kept in one folder for a while, each for the tenant that brought it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import time
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.errors import FILE_NOT_FOUND, TOO_LARGE, GatewayError
from gateway.settings import MediaSettings

BATCH = "batch"
"""The purpose of a file with the requests of a batch; that of its results is `batch_output`."""
_HALF_WRITTEN_S = 3600
_SWEEP_S = 3600
FILE_ID = re.compile(r"file-[0-9a-f]{24}")


class StoredFile(msgspec.Struct, frozen=True):
    """What is known of an uploaded file beside its bytes."""

    id: str
    tenant: str
    filename: str
    purpose: str
    bytes: int
    created: int
    expires: int
    """Unix seconds, as `created`."""


class FileStore:
    """Two files on disk for each upload: its bytes under its id, and what is known of it beside them.

    All methods that do not wait for themselves block; call them in a thread.
    """

    def __init__(self, settings: MediaSettings, folder: Path) -> None:
        self._folder = settings.files_dir or folder
        self._limit = int(settings.max_files_mb * 1e6)
        self._ttl = int(settings.file_ttl_h * 3600)
        self._batch_ttl = int(settings.batch_file_ttl_h * 3600)

    def add(
        self, source: BinaryIO, filename: str, purpose: str, tenant: str, *, limited: bool = True
    ) -> StoredFile:
        """Keep what `source` holds from its start; it is never whole in memory. Raises `GatewayError`
        when the tenant has no room left, if it is `limited` to that."""
        folder = self._of(tenant)
        size = source.seek(0, os.SEEK_END)
        source.seek(0)
        if limited and self._taken(tenant) + size > self._limit:
            raise self._full()
        now = int(time.time())
        ttl = self._batch_ttl if purpose.startswith("batch") else self._ttl
        name = f"file-{secrets.token_hex(12)}"
        file = StoredFile(name, tenant, filename[:255], purpose[:64], size, now, now + ttl)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            # What is known of it comes last: without that, the file is not there.
            (folder / f"{name}.json").write_bytes(msgspec.json.encode(file))
        except OSError:
            self._delete(name, tenant)
            raise
        if limited and self._taken(tenant) > self._limit:  # another upload of the tenant was faster
            self._delete(name, tenant)
            raise self._full()
        return file

    def get(self, name: str, tenant: str) -> StoredFile:
        """Raises `GatewayError` for a file that is not there, has expired, or is another tenant's."""
        if not FILE_ID.fullmatch(name):
            raise GatewayError(FILE_NOT_FOUND)
        try:
            file = msgspec.json.decode((self._of(tenant) / f"{name}.json").read_bytes(), type=StoredFile)
        except (OSError, msgspec.DecodeError):
            raise GatewayError(FILE_NOT_FOUND) from None
        if file.expires < time.time():
            self._delete(name, tenant)
            raise GatewayError(FILE_NOT_FOUND)
        return file

    def read(self, name: str, tenant: str) -> bytes:
        """The bytes of a file. Raises `GatewayError`."""
        try:
            return self.path(name, tenant).read_bytes()
        except OSError:
            raise GatewayError(FILE_NOT_FOUND) from None

    def path(self, name: str, tenant: str) -> Path:
        """Where the bytes of a file lie. Raises `GatewayError`."""
        self.get(name, tenant)
        return self._of(tenant) / name

    def list(self, tenant: str) -> list[StoredFile]:
        """The tenant's files, the newest first. Deletes those that have expired."""
        files = []
        for path in self._of(tenant).glob("file-*.json"):
            try:
                files.append(self.get(path.stem, tenant))
            except GatewayError:
                continue
        return sorted(files, key=lambda file: file.created, reverse=True)

    def delete(self, name: str, tenant: str) -> None:
        """Raises `GatewayError` for a file that is not there."""
        self.get(name, tenant)
        self._delete(name, tenant)

    def sweep(self) -> None:
        """Deletes what has expired, of all tenants, and what a killed process has left half written."""
        now = time.time()
        for known in self._folder.glob("*/file-*.json"):
            with contextlib.suppress(OSError):  # another process sweeps too
                if _is_over(known, now):
                    known.with_suffix("").unlink(missing_ok=True)
                    known.unlink(missing_ok=True)
        for data in self._folder.glob("*/file-*"):
            if data.suffix or data.with_name(f"{data.name}.json").exists():
                continue
            with contextlib.suppress(OSError):
                if data.stat().st_mtime < now - _HALF_WRITTEN_S:
                    data.unlink()

    async def keep_tidy(self) -> None:
        """Sweeps now and then, until it is cancelled."""
        while True:
            await asyncio.to_thread(self.sweep)
            await asyncio.sleep(_SWEEP_S)

    def _taken(self, tenant: str) -> int:
        return sum(file.bytes for file in self.list(tenant))

    def _full(self) -> GatewayError:
        detail = f"The files of your tenant would be larger than {self._limit / 1e6:g} MB together."
        return GatewayError(
            TOO_LARGE, f"{detail} Delete some, or wait until they expire.", rule="limit.files"
        )

    def _delete(self, name: str, tenant: str) -> None:
        for path in (self._of(tenant) / name, self._of(tenant) / f"{name}.json"):
            path.unlink(missing_ok=True)

    def _of(self, tenant: str) -> Path:
        """The tenant's folder; hashed, since a name may hold anything."""
        return self._folder / sha256(tenant.encode()).hexdigest()[:24]


def _is_over(known: Path, now: float) -> bool:
    """Whether a file has expired, or what is known of it was never written whole. Raises `OSError`."""
    try:
        return msgspec.json.decode(known.read_bytes(), type=StoredFile).expires < now
    except msgspec.DecodeError:
        return known.stat().st_mtime < now - _HALF_WRITTEN_S
