"""uvicorn's protocol, with limits to a request's head, which it reads without any, in bytes and in time;
and with fewer writes."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.runtime.transport import Joined

MAX_HEAD = 64 * 1024
"""Bytes of a request line and its headers, about."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(HttpToolsProtocol):
    head_timeout_s = 20.0
    """From a connection's or a request's first sign to the end of the head: connections that never say
    what they want would otherwise stay for ever."""
    _limit: asyncio.TimerHandle | None = None
    _unread = 0
    _joined: Joined

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._joined = Joined(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", self._joined))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._limit is not None:
            self._unread += len(data)
            if self._unread > MAX_HEAD:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_head()

    def on_headers_complete(self) -> None:
        self._end_wait()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        self._joined.flush()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._limit is None:
            self._unread = 0
            self._limit = self.loop.call_later(self.head_timeout_s, self.transport.close)

    def _end_wait(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
