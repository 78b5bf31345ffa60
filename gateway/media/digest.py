"""The name under which what a model sees of a medium is known: to the engine's caches, and to our own."""

from __future__ import annotations

import hashlib

import msgspec

from engine.types import Medium

_encode = msgspec.json.Encoder().encode


def digest(medium: Medium) -> str:
    """Hex digest over the source bytes and the way they are prepared, which decide every pixel.

    Made here from what was read, never taken from a client. The pixels themselves are not gone
    through: of a photograph they are twenty times as many bytes, of a clip hundreds of times.
    """
    sources = medium.parts or (medium,)
    known = [
        medium.kind,
        [one.sha256 or hashlib.sha256(one.data or b"").hexdigest() for one in sources],
        [one.options for one in (medium, *medium.parts)],
    ]
    return hashlib.blake2b(_encode(known), digest_size=20).hexdigest()
