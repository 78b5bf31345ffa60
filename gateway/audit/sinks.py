"""The other sinks: standard output, and a stream in Redis or Valkey."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from gateway.audit.base import Sink
from gateway.audit.file import FileSink
from gateway.settings import AuditSettings, SettingsError

_STREAM = "qwen-vl:audit"
_TIMEOUT_S = 5.0


class OutputSink:
    """Lines on standard output, for what collects the logs of containers."""

    def __init__(self) -> None:
        self._taken = 0

    def write(self, lines: Sequence[bytes]) -> None:
        data = memoryview(b"".join(lines))
        while self._taken < len(data):
            self._taken += os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, data[self._taken :])
        self._taken = 0

    def close(self) -> None:
        """Standard output is not ours to close."""


class StreamSink:
    """Lines as entries of a stream, of which the last `length` are kept."""

    def __init__(self, url: str, length: int) -> None:
        timeouts: dict[str, Any] = {"socket_timeout": _TIMEOUT_S, "socket_connect_timeout": _TIMEOUT_S}
        self._client = Redis.from_url(url, **timeouts)
        self._length = length

    def write(self, lines: Sequence[bytes]) -> None:
        """All or none of them, by a transaction."""
        try:
            with self._client.pipeline(transaction=True) as pipe:
                for line in lines:
                    pipe.xadd(_STREAM, {"line": line.rstrip()}, maxlen=self._length, approximate=True)
                pipe.execute()
        except RedisError as error:
            raise OSError(type(error).__name__) from error

    def close(self) -> None:
        self._client.close()


def open_sink(settings: AuditSettings, folder: Path) -> Sink | None:
    """The configured sink; `None` where the audit log is off. Raises `SettingsError`."""
    match settings.sink:
        case "none":
            return None
        case "stdout":
            return OutputSink()
        case "stream":
            try:
                return StreamSink(settings.url or "", settings.stream_length)
            except ValueError as error:
                raise SettingsError(f"audit.url is no address of a store: {error}") from error
        case _:
            return FileSink(settings.folder or folder, settings.days)
