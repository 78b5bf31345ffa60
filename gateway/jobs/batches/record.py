"""What a batch is, as it lies in the store and as its owner sees it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from gateway.principal import LOCAL, Principal

BatchStatus = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelled"
]
ENDED: frozenset[BatchStatus] = frozenset(("failed", "completed", "expired", "cancelled"))

ENDPOINTS: Mapping[str, str] = {"/v1/chat/completions": "openai", "/infer": "tasks"}
"""What the lines of a batch may ask, and the format of it."""


class LineError(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong with a line of the input file."""

    code: str
    message: str
    line: int | None = None
    param: str | None = None


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """A batch as it is now. Times are Unix seconds."""

    id: str
    tenant: str
    principal: Principal = LOCAL
    """Who submitted it, and pays for its lines."""
    status: BatchStatus
    endpoint: str
    input_file_id: str
    completion_window: str = "24h"
    created_at: int
    expires_at: int
    metadata: dict[str, str] = {}
    total: int = 0
    """Lines in the file."""
    fed: int = 0
    """Lines that were submitted as jobs."""
    offset: int = 0
    """Bytes of the file that these lines have."""
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    cancelling_at: int | None = None
    in_progress_at: int | None = None
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelled_at: int | None = None
    errors: list[LineError] = []
    output_file_id: str | None = None
    error_file_id: str | None = None

    @property
    def unfinished(self) -> int:
        """Submitted lines that have no outcome yet."""
        return self.fed - self.succeeded - self.failed - self.cancelled


_JSON: dict[str, Any] = {
    "principal": Principal,
    "metadata": dict[str, str],
    "errors": list[LineError],
}


def read_batch(fields: Mapping[bytes, bytes]) -> Batch:
    """A batch from its hash."""
    values = {
        name.decode(): msgspec.json.decode(value, type=_JSON[name.decode()])
        if name.decode() in _JSON
        else value.decode()
        for name, value in fields.items()
    }
    return msgspec.convert(values, Batch, strict=False)


def new_batch_id() -> str:
    return f"batch_{secrets.token_hex(12)}"


_TIMES = tuple(name for name in Batch.__struct_fields__ if name.endswith("_at"))


def view(batch: Batch) -> dict[str, Any]:
    """What the API says of a batch, as OpenAI's does."""
    status: str = batch.status
    if batch.cancelling_at is not None and batch.status not in ENDED:
        status = "cancelling"
    errors = {"object": "list", "data": batch.errors} if batch.errors else None
    counts = {"total": batch.total, "completed": batch.succeeded, "failed": batch.failed}
    return {
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": errors,
        "input_file_id": batch.input_file_id,
        "completion_window": batch.completion_window,
        "status": status,
        "output_file_id": batch.output_file_id,
        "error_file_id": batch.error_file_id,
        **{name: getattr(batch, name) for name in _TIMES},
        "request_counts": counts,
        "metadata": batch.metadata or None,
    }
