"""Answers one job by the pipeline that answers every request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing

from gateway.call import Progress
from gateway.errors import INVALID_REQUEST, OVERLOADED, RATE_LIMITED, SUCCESS, GatewayError
from gateway.hints import read_hints
from gateway.jobs.record import Job
from gateway.responses import as_gateway_error
from gateway.stages.base import Handler, Services
from gateway.stream import Reply
from gateway.wire import dashscope, openai, tasks
from gateway.wire.base import Intake, Parse

PARSERS: Mapping[str, Parse] = {form.name: form.parse for form in (tasks, openai, dashscope)}
"""The formats that a job may have."""

Told = Callable[[Progress], Awaitable[None]]


class Runner:
    def __init__(self, handler: Handler, services: Services) -> None:
        self._handler = handler
        self._services = services
        self._settings = services.settings
        self._telemetry = services.telemetry

    async def run(self, job: Job, body: bytes, tell: Told) -> bytes:
        """The result, as the format of the request has it. Raises `GatewayError`."""
        request_id = f"{job.id}.{job.runs}"
        code = SUCCESS
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.jobs.answer_timeout_s):
                return await self._answer(job, body, request_id, tell)
        except Exception as error:
            failure = as_gateway_error(error, request_id)
            code = failure.code
            raise failure from error
        finally:
            self._telemetry.requests.labels(job.wire, job.task, code.number).inc()
            self._telemetry.duration.labels(job.wire, job.task).observe(time.monotonic() - began)

    async def _answer(self, job: Job, body: bytes, request_id: str, tell: Told) -> bytes:
        hints = read_hints(job.headers)
        intake = Intake(
            request_id,
            self._settings,
            self._services.models,
            hints=hints,
            tasks=self._services.tasks,
            headers=job.headers,
            path={"served": job.served} if job.served else {},
        )
        call, encoder = PARSERS[job.wire](body, intake)
        hints.apply(call)
        if call.stream:
            raise GatewayError(INVALID_REQUEST, "A job is not answered as a stream.", param="stream")
        call.principal = job.principal
        call.lane = "video" if call.lane == "video" else "batch"
        call.allow_degraded = job.allow_degraded
        call.deadline = time.monotonic() + self._settings.jobs.answer_timeout_s
        reply = Reply()
        with self._telemetry.inflight.labels(call.lane).track_inprogress():
            async with aclosing(await self._handler(call)) as events:
                async for event in events:
                    reply.add(event)
                    if isinstance(event, Progress):
                        await tell(event)
        self._count_tokens(call.chat.model, call.notes.cache, reply)
        return encoder.reply(reply)

    def _count_tokens(self, model: str, cache: str | None, reply: Reply) -> None:
        if cache not in ("hit", "coalesced"):
            self._telemetry.tokens.labels(model, "input").inc(reply.usage.prompt_tokens)
            self._telemetry.tokens.labels(model, "output").inc(reply.usage.completion_tokens)


def is_overload(error: GatewayError) -> bool:
    """Whether it is not the request's fault, nor the model's: later it will work as it is."""
    return error.code.status == OVERLOADED.status or error.code is RATE_LIMITED


def may_work_later(error: GatewayError) -> bool:
    """A rate is a reason to wait, unless no time will help; a quota, or a wrong request, is none."""
    limited = error.code is RATE_LIMITED and error.retry_after is not None
    return limited or error.code.status >= 500
