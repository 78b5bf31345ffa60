"""The one door for media: whatever a client wrote as a source becomes bytes here.

A source is a data URL, bare base64, an http(s) address, the id of an uploaded file, or the address
of an object in a configured bucket.
"""

from __future__ import annotations

import binascii
import re

import pybase64

from engine.types import Medium
from gateway.errors import (
    ADDRESS_REFUSED,
    DOCUMENT_FORMAT,
    IMAGE_FORMAT,
    TOO_LARGE,
    VIDEO_FORMAT,
    GatewayError,
)
from gateway.media.buckets import Buckets
from gateway.media.fetch import Fetcher
from gateway.media.files import FILE_ID, FileStore
from gateway.runtime.threads import Threads

_DATA_URL = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}:", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/", "\r\n\t ")
AT_ONCE = 128_000
"""Bytes up to which decoding or hashing takes less time than handing the work to a thread: about 0.1 ms."""
_CODES = {"image": IMAGE_FORMAT, "video": VIDEO_FORMAT, "document": DOCUMENT_FORMAT}


class Sources:
    """Knows every place that bytes can come from."""

    def __init__(self, fetcher: Fetcher, files: FileStore, buckets: Buckets, threads: Threads) -> None:
        self._fetcher = fetcher
        self._files = files
        self._buckets = buckets
        self._threads = threads

    async def read(self, medium: Medium, tenant: str, limit: int) -> bytes:
        """The bytes behind `medium.source`, at most `limit`. Raises `GatewayError`."""
        source = medium.source.strip()
        match _SCHEME.match(source[:32]):
            case None if FILE_ID.fullmatch(source):
                return await self._threads.run(self._uploaded, medium, source, tenant, limit)
            case None:
                return await self._decode(medium, source, limit)
            case scheme:
                name = scheme[0].lower()
        if name == "data:":
            return await self._decode(medium, source, limit)
        if name in ("http:", "https:"):
            return await self._fetcher.get(source, limit)
        if name in ("s3:", "oss:"):
            return await self._buckets.get(source, tenant, limit)
        raise GatewayError(
            ADDRESS_REFUSED, f"The {medium.kind} has an address of a kind that is not fetched."
        )

    def _uploaded(self, medium: Medium, name: str, tenant: str, limit: int) -> bytes:
        if self._files.get(name, tenant).bytes > limit:
            raise too_large(medium, limit)
        return self._files.read(name, tenant)

    async def _decode(self, medium: Medium, source: str, limit: int) -> bytes:
        if len(source) <= AT_ONCE:
            return decode(medium, source, limit)
        return await self._threads.run(decode, medium, source, limit)


def decode(medium: Medium, source: str, limit: int) -> bytes:
    """The bytes of a data URL or of bare base64. Raises `GatewayError`."""
    match = _DATA_URL.match(source)
    if match is None and source[:5].lower() == "data:":
        raise unreadable(medium, "is a data URL that is not base64")
    if match:
        medium.mime = match["mime"]
    encoded = source[match.end() :] if match else source
    if len(encoded) * 3 / 4 > limit * 1.05:  # line breaks are taken out below
        raise too_large(medium, limit)
    try:
        return _decoded(encoded)
    except (binascii.Error, ValueError):
        pass  # perhaps it is URL-safe, broken into lines, or lacks its padding
    encoded = encoded.translate(_URL_SAFE).rstrip("=")
    try:
        return _decoded(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        raise unreadable(medium, "is not valid base64") from None


def _decoded(encoded: str) -> bytes:
    data: bytes = pybase64.b64decode(encoded, validate=True)
    return data


def too_large(medium: Medium, limit: int) -> GatewayError:
    return GatewayError(TOO_LARGE, f"The {medium.kind} is larger than {limit / 1e6:g} MB.")


def unreadable(medium: Medium, why: str) -> GatewayError:
    return GatewayError(_CODES[medium.kind], f"The {medium.kind} {why}.")
