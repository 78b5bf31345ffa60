"""From a request to a job: whatever it needs goes with it, since another process may answer it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import pybase64
from msgspec import Meta, Struct
from starlette.requests import Request

from gateway.accounts.scopes import check_call
from gateway.call import Call
from gateway.errors import INVALID_REQUEST, TOO_LARGE, GatewayError
from gateway.jobs.record import Job, Order
from gateway.media import addresses
from gateway.media.files import FILE_ID
from gateway.routes.answers import principal_of, tenant_of
from gateway.state import gateway_of
from gateway.wire.base import decode, invalid

_TOLD = ("x-task", "cache-control")
"""Headers that say how a request is to be answered."""
_LONGEST_KEY = 255
TOO_DEEP = "The body is nested too deep."


class JobFields(Struct, frozen=True):
    """What a body may say of the job itself."""

    webhook: Annotated[str, Meta(max_length=2048)] = ""
    metadata: Annotated[
        dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)
    ] = {}


_fields = msgspec.json.Decoder(JobFields)
_objects = msgspec.json.Decoder(dict[str, Any])


async def submit(
    request: Request, call: Call, body: bytes, uploads: Mapping[str, bytes], fields: JobFields
) -> tuple[Job, bool]:
    """The job for a call, and whether it is a new one. Raises `GatewayError`."""
    gateway = gateway_of(request.scope)
    principal, accounts = principal_of(request), gateway.services.accounts
    call.principal = principal
    call.lane = "video" if call.lane == "video" else "batch"  # where it will run
    check_call(call, accounts.tier(principal))
    if call.stream:
        raise invalid("stream", "a job is not answered as a stream; GET /v1/jobs/{id}/events follows it.")
    if fields.webhook:
        addresses.parse(fields.webhook, gateway.settings.fetch)
    order = Order(
        principal=principal,
        wire=call.wire,
        body=await _whole(request, call, body, uploads),
        task=call.task,
        served=request.path_params.get("served", ""),
        headers={name: request.headers[name] for name in _TOLD if name in request.headers},
        webhook=fields.webhook,
        metadata=fields.metadata,
        allow_degraded=_asks_for_degraded(request, body),
        idempotency_key=_idempotency_key(request),
    )
    return await gateway.jobs.store.submit(order)


def job_fields(body: bytes) -> JobFields:
    """Raises `GatewayError`."""
    return decode(body, _fields)


def _asks_for_degraded(request: Request, body: bytes) -> bool:
    """A job can wait, so a smaller model answers it only where that is said in so many words."""
    options = decode(body, _objects).get("options")
    said = isinstance(options, dict) and options.get("allow_degraded") is True
    return said or request.headers.get("x-allow-degraded", "").lower() in ("true", "1")


def _idempotency_key(request: Request) -> str:
    key: str = request.headers.get("idempotency-key", "")
    if len(key) > _LONGEST_KEY:
        detail = f"Idempotency-Key: has more than {_LONGEST_KEY} characters."
        raise GatewayError(INVALID_REQUEST, detail, param="Idempotency-Key")
    return key


async def _whole(request: Request, call: Call, body: bytes, uploads: Mapping[str, bytes]) -> bytes:
    """The body with the files in it that it names: those of the form, and uploaded ones."""
    gateway = gateway_of(request.scope)
    files, room = gateway.services.media.files, gateway.settings.media.max_request_mb * 1e6
    found: dict[str, str] = {}
    parts = (part for medium in call.media for part in (medium.parts or (medium,)))
    for source in {part.source for part in parts}:
        if source in uploads:
            found[source] = pybase64.b64encode(uploads[source]).decode()
        elif FILE_ID.fullmatch(source):
            room -= (await asyncio.to_thread(files.get, source, tenant_of(request))).bytes
            if room < 0:
                raise GatewayError(TOO_LARGE, "The files that the job names are too large together.")
            data = await asyncio.to_thread(files.read, source, tenant_of(request))
            found[source] = pybase64.b64encode(data).decode()
    return await asyncio.to_thread(_filled, body, found) if found else body


def _filled(body: bytes, strings: Mapping[str, str]) -> bytes:
    try:
        return msgspec.json.encode(_replaced(msgspec.json.decode(body), strings))
    except RecursionError:
        raise GatewayError(INVALID_REQUEST, TOO_DEEP) from None


def _replaced(value: Any, strings: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(inner, strings) for name, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, strings) for inner in value]
    return strings.get(value, value) if isinstance(value, str) else value
