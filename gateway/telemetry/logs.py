"""The log on standard error: plain lines, or a JSON object a line; its level changes by signal."""

from __future__ import annotations

import logging
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import msgspec

from gateway.telemetry.context import current

log = logging.getLogger("gateway")

_TEXT = "%(asctime)s %(levelname)-7s %(name)s  %(message)s"
_CHATTY = ("httpx", "httpcore", "opentelemetry")
_ENGINE_CONFIG = Path(__file__).with_name("engine_logging.json")


class JsonFormatter(logging.Formatter):
    """One JSON object a record: `time` (UTC), `level`, `logger`, `message`, and where they are known
    `request_id`, `trace_id` and `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, str | int] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process or 0,
        }
        if (context := current.get()) is not None:
            line["request_id"] = context.request_id
            if context.trace_id:
                line["trace_id"] = context.trace_id
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class EngineLevel(logging.Filter):
    """Passes in an engine's own processes what its `log_level` asks for."""

    def filter(self, record: logging.LogRecord) -> bool:
        level = os.environ.get("VLLM_LOGGING_LEVEL", "INFO")
        return record.levelno >= logging.getLevelNamesMapping().get(level, logging.INFO)


def set_up_logging(level: str, form: str = "text") -> None:
    """Write to standard error from `level` on. `form` is `text` or `json`; the processes of embedded
    engines follow it."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(handlers=[handler], force=True)
    if form == "json":
        os.environ.setdefault("VLLM_LOGGING_CONFIG_PATH", str(_ENGINE_CONFIG))
        logging.captureWarnings(True)
    _set_level(level)


def change_level_by_signal(level: str) -> None:
    """From now on SIGUSR1 shows everything, and SIGUSR2 what `level` says again."""

    def change(number: int, frame: FrameType | None) -> None:
        wanted = "debug" if number == signal.SIGUSR1 else level
        _set_level(wanted)
        log.warning("the log level is now %s", wanted)

    signal.signal(signal.SIGUSR1, change)
    signal.signal(signal.SIGUSR2, change)


def _set_level(level: str) -> None:
    logging.getLogger().setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel("WARNING")
    logging.getLogger("uvicorn.error").setLevel("WARNING" if level == "info" else level.upper())
