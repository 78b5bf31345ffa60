"""Calls the address that a job names when it is finished, signed as standardwebhooks.com has it.

The signature is `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY`. The secret is the
tenant's own; it is told where the job is submitted.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import random
import secrets
import time
from typing import Any

import msgspec
import redis as redis_package
from redis.asyncio import Redis

from gateway.errors import GatewayError
from gateway.jobs.record import Job, pairs, read_job, view
from gateway.jobs.scripts import PREFIX, Scripts, reachable
from gateway.media.fetch import Fetcher
from gateway.runtime.ending import end
from gateway.settings import JobsSettings
from gateway.telemetry import Telemetry
from gateway.wire.base import json_encode

log = logging.getLogger("gateway")

_LOOK_S = 0.5
_PUT_OFF_MS = 60_000
"""A call under way is another process's to repeat after this time."""
_AT_ONCE = 8


class Webhooks:
    def __init__(self, redis: Redis, fetcher: Fetcher, settings: JobsSettings, telemetry: Telemetry) -> None:
        self._redis: Any = redis
        self._scripts = Scripts(redis)
        self._fetcher = fetcher
        self._settings = settings
        self._calls = telemetry.webhook_calls

    async def secret(self, tenant: str) -> str:
        """The tenant's secret, made when it is first asked for. Raises `GatewayError`."""
        key = f"{PREFIX}webhook-secrets"
        with reachable():
            await self._redis.hsetnx(
                key, tenant, f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
            )
            secret: bytes = await self._redis.hget(key, tenant)
        return secret.decode()

    async def run(self) -> None:
        """Call what is due, until cancelled."""
        calls: set[asyncio.Task[None]] = set()
        try:
            while True:
                if len(calls) >= _AT_ONCE or (job := await self._due()) is None:
                    await asyncio.sleep(_LOOK_S)
                    continue
                task = asyncio.create_task(self._call(job))
                calls.add(task)
                task.add_done_callback(calls.discard)
        finally:
            await end(list(calls))

    async def _due(self) -> Job | None:
        try:
            found = await self._scripts.run("hook", _PUT_OFF_MS)
            return None if found is None else read_job(pairs(found))
        except redis_package.RedisError:
            return None
        except msgspec.DecodeError:
            log.exception("a job whose webhook is due cannot be read")
            return None

    async def _call(self, job: Job) -> None:
        try:
            outcome, pause = await self._attempt(job)
            await self._scripts.run("hooked", job.id, outcome, int(pause * 1000))
        except (redis_package.RedisError, GatewayError) as error:
            log.warning("job %s: its webhook will be called again (%s)", job.id, type(error).__name__)

    async def _attempt(self, job: Job) -> tuple[str, float]:
        """How it went, and the seconds until the next call; 0 for none."""
        outcome, pause = await self._post(job)
        self._calls.labels(outcome.partition(":")[0]).inc()
        return outcome, pause

    async def _post(self, job: Job) -> tuple[str, float]:
        body = json_encode({"type": f"job.{job.status}", "data": view(job)})
        try:
            status = await self._fetcher.post(
                job.webhook, body, sign(await self.secret(job.tenant), job.id, body)
            )
        except GatewayError as error:
            status, said = 0, error.code.name
        else:
            if 200 <= status < 300:
                return "delivered", 0
            said = f"status {status}"
        if job.hook_tries >= self._settings.webhook_tries:
            log.warning("job %s: its webhook was called %d times in vain", job.id, job.hook_tries)
            return f"failed: {said}", 0
        return f"retrying: {said}", random.uniform(0.5, 1) * min(3600, 2.0 ** min(job.hook_tries, 12))


def sign(secret: str, message_id: str, body: bytes) -> dict[str, str]:
    """The headers of a signed call."""
    timestamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    told = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, told, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
