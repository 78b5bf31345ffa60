"""What a limit said of a request, as headers of its reply, or as the refusal."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.accounts.limits import Limits
from gateway.errors import QUOTA_SPENT, RATE_LIMITED, GatewayError

Limit = Literal[
    "requests",
    "concurrency",
    "tokens",
    "monthly_tokens",
    "monthly_cost",
    "tenant_monthly_tokens",
    "tenant_monthly_cost",
]
VERDICTS: tuple[Limit | None, ...] = (
    None,
    "requests",
    "concurrency",
    "tokens",
    "monthly_tokens",
    "monthly_cost",
    "tenant_monthly_tokens",
    "tenant_monthly_cost",
)
"""By the number that `admit.lua` gives."""

RATE_HEADERS = tuple(
    f"x-ratelimit-{what}-{kind}"
    for what in ("limit", "remaining", "reset")
    for kind in ("requests", "tokens")
)
_MINUTE_S = 60.0
_NO_RETRY = {"x-should-retry": "false"}
"""OpenAI's SDKs try again by themselves where this header does not forbid it."""


class Verdict(msgspec.Struct, frozen=True):
    """`over` is the limit that does not allow the request; `None` where all do."""

    over: Limit | None = None
    requests_left: int = 0
    tokens_left: int = 0
    retry_s: float | None = None
    """When to try again; `None` where time alone does not help."""

    def told(self, limits: Limits) -> str:
        """The limit's name for metrics and the audit log."""
        assert self.over is not None, "the request is allowed"
        return limits.counted if self.over == "requests" else self.over

    def headers(self, limits: Limits) -> dict[str, str]:
        """As OpenAI's API names them. A limit that the key does not have has none."""
        headers: dict[str, str] = {}
        for kind, limit, left in (
            ("requests", limits.requests, self.requests_left),
            ("tokens", limits.tokens, self.tokens_left),
        ):
            if limit:
                reset = self.retry_s if self.over == kind and self.retry_s is not None else _MINUTE_S
                headers[f"x-ratelimit-limit-{kind}"] = str(limit)
                headers[f"x-ratelimit-remaining-{kind}"] = str(left)
                headers[f"x-ratelimit-reset-{kind}"] = f"{reset:.3g}s"
        return headers

    def refusal(self, limits: Limits, tokens: int) -> GatewayError:
        """The error for a request that would need `tokens`."""
        name = self.told(limits)
        monthly = "monthly" in name
        headers = self.headers(limits) | ({} if self.retry_s is not None else _NO_RETRY)
        return GatewayError(
            QUOTA_SPENT if monthly else RATE_LIMITED,
            _sentence(name, limits, tokens, never=self.retry_s is None),
            retry_after=self.retry_s,
            headers=headers,
            rule=f"{'quota' if monthly else 'limit'}.{name}",
        )


def _sentence(name: str, limits: Limits, tokens: int, *, never: bool) -> str:
    whose = "its tenant" if name.startswith("tenant") else "the API key"
    match name.removeprefix("tenant_"):
        case "requests":
            return f"The API key may send {limits.requests} requests a minute."
        case "uploads":
            return f"The API key may upload {limits.requests} files a minute."
        case "other_requests":
            return f"The API key may send {limits.requests} requests a minute that ask no model."
        case "concurrency":
            return f"The API key may have {limits.concurrency} requests at the same time."
        case "tokens" if never:
            return f"The request may come to {tokens} tokens; the API key may use {limits.tokens} a minute."
        case "tokens":
            return f"The API key may use {limits.tokens} tokens a minute."
        case "monthly_tokens":
            left = "what is left of the tokens of this month"
            return f"The request may come to {tokens} tokens, more than {whose} has of {left}."
        case _:
            return f"The request may cost more than {whose} has left of the budget of this month."
