"""The limits that hold for a key: those of its tier, and the quota of its tenant."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.settings import QuotaSettings, TierSettings

NANO = 1_000_000_000
"""Costs are counted in whole billionths of the currency's unit."""

_LONGEST = 4096
"""Tokens of an answer that has no other limit, but is counted."""

Counted = Literal["requests", "uploads", "other_requests"]
"""What a rate of requests is about."""


class Limits(msgspec.Struct, frozen=True):
    """0 is no limit. Costs are in billionths."""

    requests: int = 0
    """A minute."""
    tokens: int = 0
    """A minute."""
    concurrency: int = 0
    monthly_tokens: int = 0
    monthly_cost: int = 0
    tenant_tokens: int = 0
    """A month, of all keys of the tenant together."""
    tenant_cost: int = 0
    longest_answer: int | None = None
    counted: Counted = "requests"

    @property
    def of_tenant(self) -> bool:
        """Whether the tenant has a quota."""
        return bool(self.tenant_tokens or self.tenant_cost)

    @property
    def has_quota(self) -> bool:
        return bool(self.monthly_tokens or self.monthly_cost) or self.of_tenant

    @property
    def counts_tokens(self) -> bool:
        return bool(self.tokens) or self.has_quota

    @property
    def anything(self) -> bool:
        return bool(self.requests or self.concurrency) or self.counts_tokens


def limits_of(tier: TierSettings, tenant: QuotaSettings) -> Limits:
    limits = Limits(
        requests=tier.requests_per_minute or 0,
        tokens=tier.tokens_per_minute or 0,
        concurrency=tier.concurrency or 0,
        monthly_tokens=tier.monthly_tokens or 0,
        monthly_cost=round((tier.monthly_cost or 0) * NANO),
        tenant_tokens=tenant.monthly_tokens or 0,
        tenant_cost=round((tenant.monthly_cost or 0) * NANO),
    )
    longest = tier.max_tokens or (_LONGEST if limits.counts_tokens else None)
    return msgspec.structs.replace(limits, longest_answer=longest)


def beside(tier: TierSettings, counted: Counted) -> Limits:
    """Those of requests that ask no model."""
    rate = tier.uploads_per_minute if counted == "uploads" else tier.other_requests_per_minute
    return Limits(requests=rate or 0, counted=counted)
