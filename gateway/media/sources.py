"""From what a client wrote to bytes: data URLs and bare base64."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode

from engine.types import Medium
from gateway.errors import ADDRESS_REFUSED, IMAGE_FORMAT, TOO_LARGE, VIDEO_FORMAT, GatewayError
from gateway.settings import MediaSettings

_DATA_URL = re.compile(r"data:(?P<mime>[\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def read(medium: Medium, settings: MediaSettings) -> None:
    """Fill in `data`, `mime` and `sha256` of a medium that is given as text. Raises `GatewayError`."""
    if medium.parts:
        joined = "".join(part.sha256 or "" for part in medium.parts)
        medium.sha256 = hashlib.sha256(joined.encode()).hexdigest()
        return
    limit = settings.max_image_mb if medium.kind == "image" else settings.max_video_mb
    mime, encoded = _split(medium)
    if len(encoded) * 3 / 4 > limit * 1e6:
        raise GatewayError(TOO_LARGE, f"The {medium.kind} is larger than {limit:g} MB.")
    try:
        data = b64decode(encoded.translate(_URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        raise _unreadable(medium, "is not valid base64") from None
    if not data:
        raise _unreadable(medium, "is empty")
    medium.mime, medium.data = mime, data
    medium.sha256 = hashlib.sha256(data).hexdigest()


_URL_SAFE = str.maketrans("-_", "+/", "\r\n\t ")


def _split(medium: Medium) -> tuple[str | None, str]:
    """MIME type and base64 text of a source."""
    source = medium.source.strip()
    if match := _DATA_URL.match(source):
        return match["mime"], source[match.end() :]
    if source[:5].lower() == "data:":
        raise _unreadable(medium, "is a data URL that is not base64")
    if _ADDRESS.match(source):
        raise GatewayError(
            ADDRESS_REFUSED, f"The address of the {medium.kind} is not fetched by this server."
        )
    return None, source


def _unreadable(medium: Medium, why: str) -> GatewayError:
    code = IMAGE_FORMAT if medium.kind == "image" else VIDEO_FORMAT
    return GatewayError(code, f"The {medium.kind} {why}.")
