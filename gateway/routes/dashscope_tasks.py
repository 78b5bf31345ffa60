"""DashScope's asynchronous tasks: jobs under the names of that API."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.errors import CONFLICT, JOB_NOT_FOUND, GatewayError
from gateway.jobs.record import Job, Status
from gateway.routes.answers import answers, tenant_of
from gateway.state import gateway_of
from gateway.wire import dashscope

_STATES: dict[Status, Any] = {
    "queued": "PENDING",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "CANCELED",
}


@answers
async def show(request: Request) -> Response:
    return _reply(request, await _job(request))


@answers
async def cancel(request: Request) -> Response:
    """Only what has not begun can be cancelled in that API."""
    job = await _job(request)
    if job.status != "queued":
        raise GatewayError(CONFLICT, f"The task is {_STATES[job.status]}; only a pending one is cancelled.")
    return _reply(request, await gateway_of(request.scope).jobs.store.cancel(job.id, job.tenant))


async def _job(request: Request) -> Job:
    store = gateway_of(request.scope).jobs.store
    job = await store.get(request.path_params["task_id"], tenant_of(request))
    if job.wire != dashscope.name:
        raise GatewayError(JOB_NOT_FOUND)  # its answer has another shape
    return job


def _reply(request: Request, job: Job) -> Response:
    error = job.error
    state = dashscope.TaskState(
        id=job.id,
        status=_STATES[job.status],
        submitted=job.created,
        started=job.started,
        ended=job.finished,
        result=job.result,
        code=dashscope.code_of(error.status) if error else "",
        message=error.msg if error else "",
    )
    body = dashscope.task_state(state, request.scope["state"]["request_id"])
    return Response(body, media_type="application/json")


ROUTES: tuple[BaseRoute, ...] = (
    Route("/api/v1/tasks/{task_id:str}", show, methods=["GET"]),
    Route("/api/v1/tasks/{task_id:str}/cancel", cancel, methods=["POST"]),
)
