"""A stored answer, and its stored form: a version byte, then MessagePack under zstd.

zstd's own checksum covers the content, so that a damaged value is recognised instead of read.
"""

from __future__ import annotations

import msgspec
import zstandard

from engine.types import ChatChunk, Notice

_VERSION = b"\x01"
"""Raised with every change of `Entry` or of what it holds; other versions are misses."""
_LEVEL = 3
_MAX_BYTES = 32 * 1024 * 1024
"""No answer is as large as this; a value that claims to be is not unpacked."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    answer: ChatChunk
    """The whole answer as one chunk."""
    notices: tuple[Notice, ...]
    """What preparing the media had to tell."""
    stored: float
    """When it was stored, in seconds since 1970."""
    ttl_s: float
    """How long it may be given out, in seconds."""

    def age(self, now: float) -> float:
        """Seconds since it was stored; never negative, whatever the clocks of two machines say."""
        return max(0.0, now - self.stored)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)
_compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
_decompressor = zstandard.ZstdDecompressor()


def encode(entry: Entry) -> bytes:
    return _encoder.encode(entry)


def seal(encoded: bytes) -> bytes:
    """The stored form of an encoded entry."""
    return _VERSION + _compressor.compress(encoded)


def unpacked_size(value: bytes) -> int:
    """Bytes of a stored form once it is unpacked: what it takes in memory, about."""
    return int(zstandard.frame_content_size(value[1:]))


def unseal(value: bytes) -> Entry | None:
    """The entry; `None` for a value that is damaged or of another version."""
    packed = value[1:]
    try:
        if value[:1] != _VERSION or zstandard.frame_content_size(packed) > _MAX_BYTES:
            return None
        return _decoder.decode(_decompressor.decompress(packed))
    except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError):
        return None
