"""One kept-alive connection: a request goes out, and its reply is handed on piece by piece as it comes."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools


class Receiver(Protocol):
    """Takes one reply. Its methods are called from the event loop and return at once."""

    def on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        """Header names are in lower case."""

    def on_piece(self, data: bytes) -> None: ...

    def on_end(self) -> None: ...

    def on_failure(self, error: OSError) -> None:
        """Nothing more comes."""


class Connection(asyncio.Protocol):
    """Sends one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._receiver: Receiver | None = None
        self._headers: dict[bytes, bytes] = {}
        self._keep = True
        self.replies = 0
        """Whole replies so far: after the first, the server may have closed it meanwhile."""

    @property
    def idle(self) -> bool:
        """Whether it can take a request."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return open_ and self._keep and self._receiver is None

    def send(self, message: bytes, receiver: Receiver) -> None:
        assert self._transport is not None
        self._receiver = receiver
        self._headers = {}
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(message)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def pause(self) -> None:
        """Read nothing for a while: the receiver has enough."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._receiver is None:
            return
        if exc is None and self._ends_with_connection():
            self._take_receiver().on_end()
        else:
            self._take_receiver().on_failure(ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._receiver is None:
            self.close()  # nobody has asked
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._take_receiver().on_failure(ConnectionAbortedError("the server does not speak HTTP"))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        if self._receiver is not None and (status := self._parser.get_status_code()) >= 200:
            self._receiver.on_head(status, self._headers)

    def on_body(self, data: bytes) -> None:
        if self._receiver is not None:
            self._receiver.on_piece(data)

    def on_message_complete(self) -> None:
        assert self._parser is not None
        if self._parser.get_status_code() < 200:  # such as 100 Continue: the reply itself follows
            self._headers = {}
            return
        self._keep = self._parser.should_keep_alive()
        self.replies += 1
        if not self._keep:
            self.close()
        if self._receiver is not None:
            self._take_receiver().on_end()

    def _take_receiver(self) -> Receiver:
        assert self._receiver is not None
        receiver, self._receiver = self._receiver, None
        return receiver

    def _ends_with_connection(self) -> bool:
        """Whether the reply has neither a length nor chunks, so that the connection's end is its own."""
        headers = self._headers
        begun = self._parser is not None and bool(headers)
        return begun and b"content-length" not in headers and b"transfer-encoding" not in headers
