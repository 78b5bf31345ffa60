"""Writes the results of a batch into its files, in the order of its lines."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from gateway.jobs.batches.lines import Line, read_slice
from gateway.jobs.batches.record import Batch
from gateway.jobs.record import Job
from gateway.jobs.store import JobStore
from gateway.media.files import FileStore
from gateway.wire.base import json_encode

_AT_ONCE = 200
_STOPPED = {
    "expired": ("batch_expired", "This request could not be executed before the completion window expired."),
    "cancelled": ("batch_cancelled", "The batch was cancelled before this request was executed."),
}


async def write_results(
    batch: Batch, status: str, path: Path, jobs: JobStore, files: FileStore
) -> dict[str, str]:
    """The ids of the files, by the field of the batch that names them; no file without lines."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        async for line, job in _outcomes(batch, path, jobs):
            good = job is not None and job.status == "succeeded"
            (output if good else errors).write(json_encode(_outcome(line, job, batch.id, status)) + b"\n")
        found: dict[str, str] = {}
        for name, file in (("output", output), ("error", errors)):
            if file.tell():
                kept = await asyncio.to_thread(_keep, files, file, f"{batch.id}_{name}.jsonl", batch.tenant)
                found[f"{name}_file_id"] = kept
        return found


def _keep(files: FileStore, file: BinaryIO, name: str, tenant: str) -> str:
    """Beyond the tenant's limit too: what was worked on is not lost for want of room."""
    return files.add(file, name, "batch_output", tenant, limited=False).id


async def _outcomes(batch: Batch, path: Path, jobs: JobStore) -> AsyncIterator[tuple[Line, Job | None]]:
    """Every line with its job; `None` for a line that was never submitted."""
    offset = number = 0
    while number < batch.total:
        part = await asyncio.to_thread(read_slice, path, offset, _AT_ONCE)
        ids = [line_id(batch.id, number + place) for place in range(len(part.lines))]
        found = await jobs.many(ids)
        for line, job_id in zip(part.lines, ids, strict=True):
            yield line, found.get(job_id)
        offset, number = part.offset, number + len(part.lines)


def line_id(batch_id: str, number: int) -> str:
    """The id of the job for a line, counted from 0."""
    return f"job_{batch_id}_{number}"


def _outcome(line: Line, job: Job | None, batch_id: str, status: str) -> dict[str, Any]:
    outcome: dict[str, Any] = {
        "id": f"batch_req_{job.id.rpartition('_')[2] if job else 'none'}_{batch_id}",
        "custom_id": line.custom_id,
        "response": None,
        "error": None,
    }
    if job is not None and job.status == "succeeded":
        outcome["response"] = _response(job, 200, msgspec.Raw(job.result))
    elif job is not None and job.status == "failed" and job.error is not None:
        failure = job.error
        kind = "server_error" if failure.status >= 500 else "invalid_request_error"
        error = {"message": failure.msg, "type": kind, "param": failure.param, "code": failure.name}
        outcome["response"] = _response(job, failure.status, {"error": error})
    else:
        code, message = _STOPPED.get(status, _STOPPED["cancelled"])
        outcome["error"] = {"code": code, "message": message}
    return outcome


def _response(job: Job, status: int, body: Any) -> dict[str, Any]:
    return {"status_code": status, "request_id": f"{job.id}.{job.runs}", "body": body}
