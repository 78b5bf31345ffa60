"""The files of the page, held in memory. No build step makes them, and no other host gives any."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec

FOLDER = Path(__file__).with_name("static")

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Nothing from elsewhere, nothing inline, and no text that a script could turn into markup."""


class Asset(msgspec.Struct, frozen=True):
    body: bytes
    etag: str
    media_type: str

    @property
    def headers(self) -> dict[str, str]:
        return {
            "content-type": self.media_type,
            "content-security-policy": _POLICY,
            "cache-control": "no-cache",
            "etag": self.etag,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
        }

    def is_known_to(self, if_none_match: str) -> bool:
        """Whether the sender of this header has the very same file."""
        tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
        return any(tag in (self.etag, "*") for tag in tags)


@cache
def assets() -> dict[str, Asset]:
    """All files by their path below the folder, with `/` between its parts."""
    files = (path for path in FOLDER.rglob("*") if path.suffix in _TYPES)
    return {path.relative_to(FOLDER).as_posix(): _read(path) for path in files}


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', _TYPES[path.suffix])
