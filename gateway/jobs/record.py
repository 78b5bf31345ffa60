"""What a job is, as it lies in the store and as its owner sees it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gateway.errors import GatewayError
from gateway.principal import LOCAL, Principal

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset(("succeeded", "failed", "cancelled"))


class Failure(msgspec.Struct, frozen=True):
    """Why there is no result."""

    code: int
    name: str
    msg: str
    status: int = 500
    """HTTP status that the same request would have been refused with."""
    param: str | None = None

    @classmethod
    def of(cls, error: GatewayError) -> Failure:
        return cls(error.code.number, error.code.name, error.message, error.code.status, error.param)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it was submitted."""

    principal: Principal = LOCAL
    """Who submitted it, and pays for it."""
    wire: str
    """Name of the wire format of body and result."""
    body: bytes
    task: str = ""
    served: str = ""
    """The model whose own routes it came by."""
    headers: dict[str, str] = {}
    """Those headers of the request that say how it is to be answered."""
    webhook: str = ""
    metadata: dict[str, str] = {}
    """The submitter's own notes, given back as they came."""
    allow_degraded: bool = False
    idempotency_key: str = ""
    batch: str = ""
    """Id of the batch it is a line of."""

    @property
    def tenant(self) -> str:
        return self.principal.tenant


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it is now. Times are Unix milliseconds."""

    id: str
    tenant: str
    principal: Principal = LOCAL
    status: Status
    wire: str
    task: str
    created: int
    keep: int
    """Milliseconds for which it is kept when it is finished."""
    started: int | None = None
    finished: int | None = None
    runs: int = 0
    """How often a worker has begun it."""
    attempts: int = 0
    """How many tries have failed, overload aside."""
    losses: int = 0
    """How often it was lost with its process."""
    done: int | None = None
    total: int | None = None
    """Pages of a document that are done, and that there are."""
    version: int = 0
    """Grows with every change."""
    batch: str = ""
    served: str = ""
    webhook: str = ""
    hook: str = ""
    hook_tries: int = 0
    allow_degraded: bool = False
    token: str = ""
    body: bytes = b""
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    result: bytes = b""
    error: Failure | None = None
    last_error: Failure | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


_JSON_FIELDS: dict[str, Any] = {
    "principal": Principal,
    "headers": dict[str, str],
    "metadata": dict[str, str],
    "error": Failure,
    "last_error": Failure,
}
_BYTES = ("body", "result")


def read_job(fields: Mapping[bytes, bytes]) -> Job:
    """A job from its hash."""
    values: dict[str, Any] = {}
    for name, value in fields.items():
        field = name.decode()
        if field in _JSON_FIELDS:
            values[field] = msgspec.json.decode(value, type=_JSON_FIELDS[field])
        else:
            values[field] = value if field in _BYTES else value.decode()
    values["allow_degraded"] = values.get("allow_degraded") == "1"
    return msgspec.convert(values, Job, strict=False)


def pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    """A hash as a script gives it back: names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def new_job_id() -> str:
    return f"job_{secrets.token_hex(12)}"


def view(job: Job, *, whole: bool = True) -> dict[str, Any]:
    """What the API says of a job; with its result if `whole`."""
    seen: dict[str, Any] = {
        "id": job.id,
        "object": "job",
        "status": job.status,
        "task": job.task,
        "created_at": job.created // 1000,
        "started_at": _seconds(job.started),
        "finished_at": _seconds(job.finished),
        "expires_at": _seconds(job.finished + job.keep) if job.finished else None,
        "attempts": job.attempts,
        "progress": None if job.total is None else {"done": job.done, "total": job.total},
        "metadata": job.metadata,
        "error": _reason(job.error or (None if job.is_finished else job.last_error)),
    }
    if job.webhook:
        seen["webhook"] = {"url": job.webhook, "status": job.hook or "waiting", "tries": job.hook_tries}
    if whole:
        seen["result"] = _result(job)
    return seen


class _Envelope(msgspec.Struct):
    result: msgspec.Raw


def _result(job: Job) -> msgspec.Raw | None:
    """For the task API what lies in its envelope, since the job is an envelope of its own."""
    if not job.result:
        return None
    if job.wire == "tasks":
        return msgspec.json.decode(job.result, type=_Envelope).result
    return msgspec.Raw(job.result)


def _reason(failure: Failure | None) -> dict[str, Any] | None:
    return None if failure is None else {"code": failure.code, "name": failure.name, "msg": failure.msg}


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000
