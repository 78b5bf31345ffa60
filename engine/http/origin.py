"""Where requests go, and what they look like on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """A server, and what every request to it has in common."""

    host: str
    port: int
    tls: bool
    prefix: str
    """Path before the endpoint's own, without a slash at its end."""
    head: bytes
    """Headers of every request, each with the end of its line."""

    @classmethod
    def of(cls, url: str, key: str | None = None) -> Origin:
        """The server at an address, asked with a bearer token where `key` is one.

        Raises `ValueError` for what is no HTTP address.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address of a server")
        tls = parts.scheme == "https"
        headers = {"host": parts.netloc.rpartition("@")[2]}
        if key:
            headers["authorization"] = f"Bearer {key}"
        port = parts.port or (443 if tls else 80)
        return cls(parts.hostname, port, tls, parts.path.rstrip("/"), _lines(headers))

    def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """A whole request with a JSON body. Raises `ValueError` for a header that breaks its line."""
        first = f"POST {self.prefix}{path} HTTP/1.1\r\n".encode()
        kind = b"content-type: application/json\r\ncontent-length: %d\r\n" % len(body)
        return b"".join((first, self.head, kind, _lines(headers or {}), b"\r\n", body))

    def get(self, path: str) -> bytes:
        return b"".join((f"GET {self.prefix}{path} HTTP/1.1\r\n".encode(), self.head, b"\r\n"))


def _lines(headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if "\n" in value or "\r" in value:
            raise ValueError(f"the header {name} breaks its line")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
