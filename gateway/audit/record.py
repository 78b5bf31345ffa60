"""One request as a line: who, from where, what, and how it ended. No prompt, picture or key."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.call import Call
from gateway.errors import SUCCESS, Code
from gateway.principal import Principal

_encode = msgspec.json.Encoder().encode
_LONGEST_PATH = 256


class Outcome(msgspec.Struct, frozen=True):
    """How a request ended, left in `scope["state"]["outcome"]` by what answered it."""

    code: Code | None
    """`None` where the client left first."""
    rule: str | None = None
    """Which rule refused it."""


class Visit(msgspec.Struct):
    """What is known of a request and its reply from outside."""

    began: float
    """On the monotonic clock."""
    method: str
    path: str
    client: str | None
    status: int | None = None
    """HTTP status; `None` where no reply began."""
    sent: int = 0
    """Bytes of the reply's body."""
    complete: bool = False


def line(visit: Visit, state: dict[str, Any]) -> bytes:
    """The line, with its newline. `state` is that of the request's scope."""
    outcome: Outcome | None = state.get("outcome")
    if outcome is None:
        done = visit.complete and visit.status is not None and visit.status < 400
        outcome = Outcome(SUCCESS if done else None)
    record: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": state.get("request_id"),
        "client": visit.client,
        "method": visit.method,
        "path": visit.path[:_LONGEST_PATH],
        "status": visit.status,
        "code": None if outcome.code is None else outcome.code.number,
        "rule": outcome.rule,
        "aborted": not visit.complete,
        "ms": round((time.monotonic() - visit.began) * 1000, 1),
        "reply_bytes": visit.sent,
    }
    principal: Principal | None = state.get("principal")
    if principal is not None:
        record |= {"key": principal.key, "tenant": principal.tenant, "tier": principal.tier}
    call: Call | None = state.get("call")
    if call is not None:
        record |= _of(call)
    return _encode(record) + b"\n"


def _of(call: Call) -> dict[str, Any]:
    notes, bill = call.notes, call.bill
    first = call.first_chunk
    return {
        "wire": call.wire,
        "task": call.task or "chat",
        "model": call.chat.model,
        "answered_by": bill.model or None,
        "lane": call.lane,
        "stream": call.stream,
        "cache": notes.cache,
        "degraded": notes.degraded,
        "media": [{"kind": m.kind, "sha256": m.sha256, "bytes": len(m.data or b"")} for m in call.media],
        "input_tokens": bill.input_tokens,
        "output_tokens": bill.output_tokens,
        "image_tokens": bill.image_tokens,
        "cost": bill.cost / 1e9,
        "queued_ms": None if notes.queued_s is None else round(notes.queued_s * 1000, 1),
        "first_chunk_ms": None if first is None else round((first - call.received) * 1000, 1),
    }
