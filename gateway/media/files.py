"""Uploaded files: kept in one folder for a while, each for the tenant that brought it."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import msgspec

from gateway.errors import FILE_NOT_FOUND, TOO_LARGE, GatewayError
from gateway.settings import MediaSettings

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

    All methods block; call them in a thread.
    """

    def __init__(self, settings: MediaSettings) -> None:
        self._temporary = None if settings.files_dir else tempfile.TemporaryDirectory(prefix="qwen-vl-files-")
        self._folder = settings.files_dir or Path(self._temporary.name)  # type: ignore[union-attr]
        self._limit = int(settings.max_files_mb * 1e6)
        self._ttl = int(settings.file_ttl_h * 3600)

    def add(self, data: bytes, filename: str, purpose: str, tenant: str) -> StoredFile:
        """Keep a file. Raises `GatewayError` when the tenant has no room left."""
        folder = self._of(tenant)
        kept = self.list(tenant)
        if sum(file.bytes for file in kept) + len(data) > self._limit:
            raise GatewayError(TOO_LARGE, f"Your files together are larger than {self._limit / 1e6:g} MB.")
        now = int(time.time())
        name = f"file-{secrets.token_hex(12)}"
        file = StoredFile(name, tenant, filename[:255], purpose[:64], len(data), now, now + self._ttl)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / name).write_bytes(data)
        (folder / f"{name}.json").write_bytes(msgspec.json.encode(file))
        return file

    def get(self, name: str, tenant: str) -> StoredFile:
        """Raises `GatewayError` for a file that is not there, has expired, or is another tenant's."""
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
        self.get(name, tenant)
        try:
            return (self._of(tenant) / name).read_bytes()
        except OSError:
            raise GatewayError(FILE_NOT_FOUND) from None

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

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()

    def _delete(self, name: str, tenant: str) -> None:
        for path in (self._of(tenant) / name, self._of(tenant) / f"{name}.json"):
            path.unlink(missing_ok=True)

    def _of(self, tenant: str) -> Path:
        """The tenant's folder; hashed, since a name may hold anything."""
        return self._folder / sha256(tenant.encode()).hexdigest()[:24]
