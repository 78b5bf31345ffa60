"""What a limit said of a request, as headers of its reply, or as the refusal."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.errors import QUOTA_SPENT, RATE_LIMITED, GatewayError
from gateway.settings import TierSettings

Limit = Literal["requests", "concurrency", "tokens", "monthly_tokens", "monthly_cost"]
VERDICTS: tuple[Limit | None, ...] = (
    None,
    "requests",
    "concurrency",
    "tokens",
    "monthly_tokens",
    "monthly_cost",
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

    def headers(self, tier: TierSettings) -> dict[str, str]:
        """As OpenAI's API names them. A limit that the tier does not have has none."""
        headers: dict[str, str] = {}
        for kind, limit, left in (
            ("requests", tier.requests_per_minute, self.requests_left),
            ("tokens", tier.tokens_per_minute, self.tokens_left),
        ):
            if limit is not None:
                reset = self.retry_s if self.over == kind and self.retry_s is not None else _MINUTE_S
                headers |= {
                    f"x-ratelimit-limit-{kind}": str(limit),
                    f"x-ratelimit-remaining-{kind}": str(left),
                    f"x-ratelimit-reset-{kind}": f"{reset:.3g}s",
                }
        return headers

    def refusal(self, tier: TierSettings, tokens: int) -> GatewayError:
        """The error for a request that would need `tokens`."""
        assert self.over is not None, "the request is allowed"
        monthly = self.over.startswith("monthly")
        headers = self.headers(tier) | ({} if self.retry_s is not None else _NO_RETRY)
        return GatewayError(
            QUOTA_SPENT if monthly else RATE_LIMITED,
            _sentence(self.over, tier, tokens, never=self.retry_s is None),
            retry_after=self.retry_s,
            headers=headers,
            rule=f"{'quota' if monthly else 'limit'}.{self.over}",
        )


def _sentence(over: Limit, tier: TierSettings, tokens: int, *, never: bool) -> str:
    match over:
        case "requests":
            return f"The API key may send {tier.requests_per_minute} requests a minute."
        case "concurrency":
            return f"The API key may have {tier.concurrency} requests at the same time."
        case "tokens" if never:
            limit = tier.tokens_per_minute
            return f"The request may come to {tokens} tokens; the API key may use {limit} a minute."
        case "tokens":
            return f"The API key may use {tier.tokens_per_minute} tokens a minute."
        case "monthly_tokens":
            left = "what is left of its tokens of this month"
            return f"The request may come to {tokens} tokens, more than the API key has of {left}."
        case _:
            return "The request may cost more than the API key has left of its budget of this month."
