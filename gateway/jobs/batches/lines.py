"""The input file of a batch, line by line. All of it blocks: call it in a thread."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.errors import GatewayError
from gateway.jobs.batches.record import LineError
from gateway.jobs.blobs import pack

MOST_LINES = 50_000
_MOST_ERRORS = 100
_SLICE_BYTES = 8_000_000


class Line(Struct, frozen=True):
    """One request of a batch."""

    custom_id: Annotated[str, Meta(min_length=1, max_length=512)]
    method: Literal["POST"]
    url: str
    body: msgspec.Raw


class _Body(Struct, frozen=True):
    stream: bool = False


class Slice(Struct, frozen=True):
    """Some lines in a row, and where the next one begins."""

    lines: list[Line]
    offset: int


_lines = msgspec.json.Decoder(Line)
_bodies = msgspec.json.Decoder(dict[str, Any])


def check(path: Path, endpoint: str, most_bytes: int) -> tuple[int, list[LineError]]:
    """How many requests the file holds, and what is wrong with it; a line may have `most_bytes`."""
    errors: list[LineError] = []
    seen: set[str] = set()
    number = 0
    with path.open("rb") as file:
        while raw := file.readline(most_bytes + 2):
            number += 1
            if len(raw) > most_bytes + 1:
                return number, [LineError("line_too_long", f"A line has over {most_bytes} bytes.", number)]
            if problem := _problem(raw, number, endpoint, seen):
                errors.append(problem)
            if len(errors) >= _MOST_ERRORS:
                break
            if number > MOST_LINES:
                return number, [LineError("too_many_requests", f"There are over {MOST_LINES} lines.")]
    if not number:
        errors.append(LineError("empty_file", "The file is empty."))
    return number, errors


def _problem(raw: bytes, number: int, endpoint: str, seen: set[str]) -> LineError | None:
    try:
        line = _lines.decode(raw)
        _bodies.decode(line.body)
        pack(bytes(line.body))
    except msgspec.ValidationError as error:
        return LineError("invalid_line", f"{error}.", number)
    except GatewayError as error:
        return LineError("invalid_line", error.detail, number, "body")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return LineError("invalid_json_line", "The line is not valid JSON.", number)
    if line.url != endpoint:
        return LineError("mismatched_endpoint", f"The url is not the batch's {endpoint}.", number, "url")
    if line.custom_id in seen:
        return LineError("duplicate_custom_id", "Another line has this custom_id.", number, "custom_id")
    seen.add(line.custom_id)
    return None


def read_slice(path: Path, offset: int, most: int) -> Slice:
    """Up to `most` lines from a place on, but not many bytes at once."""
    lines: list[Line] = []
    with path.open("rb") as file:
        file.seek(offset)
        while len(lines) < most and file.tell() - offset < _SLICE_BYTES and (raw := file.readline()):
            lines.append(_lines.decode(raw))
        return Slice(lines, file.tell())
