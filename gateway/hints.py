"""What a request's headers ask of the gateway itself, whatever format its body has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.call import CacheControl, Call, Lane
from gateway.errors import INVALID_REQUEST, GatewayError

_LANES = ("interactive", "batch", "video")
_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_MAX_TIMEOUT_MS = 600_000


class Hints(msgspec.Struct, frozen=True):
    cache_control: CacheControl = CacheControl()
    lane: Lane | None = None
    allow_degraded: bool = True
    timeout_ms: int | None = None

    def lane_for(self, natural: Lane) -> Lane:
        """The lane for a request that belongs into `natural`: a header may only send it to the batch lane."""
        return "batch" if self.lane == "batch" and natural == "interactive" else natural

    def apply(self, call: Call) -> None:
        """Write the hints into a call. They only narrow what its body allows."""
        call.cache_control = self.cache_control
        call.lane = self.lane_for(call.lane)
        call.allow_degraded = call.allow_degraded and self.allow_degraded


def read_hints(headers: Mapping[str, str]) -> Hints:
    """Raises `GatewayError` for a header that cannot be understood."""
    lane: Any = headers.get("x-lane", "").strip().lower() or None
    if lane is not None and lane not in _LANES:
        raise _invalid("X-Lane", f"must be one of {', '.join(_LANES)}.")
    return Hints(
        cache_control=read_cache_control(headers.get("cache-control", "")),
        lane=lane,
        allow_degraded=_allow_degraded(headers.get("x-allow-degraded")),
        timeout_ms=_timeout_ms(headers.get("x-timeout-ms")),
    )


def read_cache_control(text: str) -> CacheControl:
    """Directives that are not known, or broken, are passed over, as HTTP asks."""
    names = {}
    for directive in text.lower().split(","):
        name, _, value = directive.strip().partition("=")
        names[name] = value.strip('" ')
    age = names.get("max-age", "")
    max_age = int(age) if age.isdecimal() and len(age) < 10 else None
    return CacheControl(
        no_cache="no-cache" in names or max_age == 0, no_store="no-store" in names, max_age=max_age
    )


def _allow_degraded(text: str | None) -> bool:
    if text is None:
        return True
    if (value := _TRUTH.get(text.strip().lower())) is None:
        raise _invalid("X-Allow-Degraded", "must be true or false.")
    return value


def _timeout_ms(text: str | None) -> int | None:
    if text is None:
        return None
    digits = text.strip()
    if not (digits.isdecimal() and len(digits) < 10 and 1 <= int(digits) <= _MAX_TIMEOUT_MS):
        raise _invalid("X-Timeout-Ms", f"must be a whole number from 1 to {_MAX_TIMEOUT_MS}.")
    return int(digits)


def _invalid(header: str, problem: str) -> GatewayError:
    return GatewayError(INVALID_REQUEST, f"{header}: {problem}", param=header)
