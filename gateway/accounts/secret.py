"""The text of a key: `sk-`, 32 random bytes and a checksum, in letters and digits.

The checksum tells a mistyped or cut-off key from one that was never made, without asking the
store. Only the SHA-256 digest of the text is kept; 256 random bits need no slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib

PREFIX = "sk-"
_ALPHABET = string.digits + string.ascii_letters
_BODY, _CHECK = 43, 6
"""Digits to the base 62 of 32 bytes, and of a CRC-32."""


def new_secret() -> str:
    body = _base62(int.from_bytes(secrets.token_bytes(32)), _BODY)
    return PREFIX + body + _checksum(body)


def is_well_formed(text: str) -> bool:
    """Whether `text` can be a key at all."""
    body, check = text[len(PREFIX) : -_CHECK], text[-_CHECK:]
    return text.startswith(PREFIX) and len(body) == _BODY and _checksum(body) == check


def digest_of(text: str) -> str:
    """The hex digest under which a key is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
