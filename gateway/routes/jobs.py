"""Jobs: submit a request now, and fetch its result later."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, get_args

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from gateway.jobs.hub import Hub
from gateway.jobs.record import Job, Status, view
from gateway.routes.answers import answers, as_json, number_of, tenant_of
from gateway.routes.inference import read_request
from gateway.routes.submission import job_fields, submit
from gateway.state import Gateway, gateway_of
from gateway.wire import tasks
from gateway.wire.base import invalid, sse

_MOST_LISTED = 100
_LONGEST_WAIT_S = 60


@answers
async def create(request: Request) -> Response:
    gateway = gateway_of(request.scope)
    with gateway.bodies.share() as share:
        body, uploads, intake, hints = await read_request(request, share, forms=True)
        call, _ = tasks.parse(body, intake)
        hints.apply(call)
        job, new = await submit(request, call, body, uploads, job_fields(body))
    seen = view(job)
    if job.webhook:
        webhooks = gateway.jobs.webhooks
        seen["webhook"]["secret"] = await webhooks.secret(job.tenant)
    return as_json(seen, 202 if new else 200, {"location": f"/v1/jobs/{job.id}"})


@answers
async def show(request: Request) -> dict[str, Any]:
    """With `?wait=S`, as soon as it is finished, or after so many seconds."""
    job = await _job(request)
    if wait := number_of(request, "wait", 0, _LONGEST_WAIT_S):
        job = await _finished(gateway_of(request.scope).jobs.hub, job, wait)
    return view(job)


@answers
async def list_jobs(request: Request) -> dict[str, Any]:
    status: Any = request.query_params.get("status")
    if status is not None and status not in get_args(Status):
        raise invalid("status", f"must be one of {', '.join(get_args(Status))}.")
    found, more = await gateway_of(request.scope).jobs.store.page(
        tenant_of(request),
        status=status,
        after=request.query_params.get("after"),
        limit=number_of(request, "limit", 20, _MOST_LISTED) or 20,
    )
    return {"object": "list", "data": [view(job, whole=False) for job in found], "has_more": more}


@answers
async def cancel(request: Request) -> dict[str, Any]:
    store = gateway_of(request.scope).jobs.store
    return view(await store.cancel(request.path_params["id"], tenant_of(request)))


@answers
async def events(request: Request) -> Response:
    """A stream of the job's states. With `Last-Event-ID`, only of those after it."""
    job = await _job(request)
    frames = _frames(gateway_of(request.scope), job, _last_seen(request))
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(frames, headers=headers, media_type="text/event-stream")


def _last_seen(request: Request) -> int:
    """The id of the last event that the client has; before all of them where it is none of ours."""
    text: str = request.headers.get("last-event-id", "")
    return int(text) if text.isdecimal() and len(text) < 20 else -1


async def _frames(gateway: Gateway, job: Job, seen: int) -> AsyncGenerator[bytes, None]:
    async with aclosing(gateway.jobs.hub.watch(job)) as states:
        async for state in states:
            if state is None:
                yield b": still there\n\n"
            elif state.version > seen:
                seen = state.version
                yield f"id: {seen}\n".encode() + sse(view(state), f"job.{state.status}")
            if gateway.draining:
                return  # the client comes back, to another process, with the id it saw last


async def _finished(hub: Hub, job: Job, wait_s: float) -> Job:
    """The job when it is finished, or as it is when the time is over."""
    with anyio.move_on_after(wait_s):
        async with aclosing(hub.watch(job)) as states:
            async for state in states:
                job = state or job
    return job


async def _job(request: Request) -> Job:
    return await gateway_of(request.scope).jobs.store.get(request.path_params["id"], tenant_of(request))


_JOB = "/v1/jobs/{id:str}"

ROUTES: tuple[BaseRoute, ...] = (
    Route("/v1/jobs", create, methods=["POST"]),
    Route("/v1/jobs", list_jobs, methods=["GET"]),
    Route(_JOB, show, methods=["GET"]),
    Route(f"{_JOB}/cancel", cancel, methods=["POST"]),
    Route(f"{_JOB}/events", events, methods=["GET"]),
)
