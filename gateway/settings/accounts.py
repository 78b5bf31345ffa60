"""The settings of keys: who may do what, how much of it, and at what price."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from gateway.settings.section import Section

_MOST_COST = 1_000_000_000
"""Of a month. In billionths it is still far from where whole numbers end."""
_MOST_PRICE = 1_000_000


class QuotaSettings(Section):
    """Of all keys of a tenant together. Empty limits are none."""

    monthly_tokens: int | None = Field(
        default=None, ge=1, description="Tokens of the tenant's keys in a calendar month (UTC)."
    )
    monthly_cost: float | None = Field(
        default=None,
        gt=0,
        le=_MOST_COST,
        description="Cost of the tenant's keys in a calendar month (UTC), in `accounts.currency`.",
    )


class TierSettings(Section):
    """Empty limits are none. They hold for each key of the tier by itself."""

    requests_per_minute: int | None = Field(default=None, ge=1, description="Requests of a key in a minute.")
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Tokens of a key in a minute, prompt and answer together."
    )
    concurrency: int | None = Field(default=None, ge=1, description="Requests of a key at the same time.")
    monthly_tokens: int | None = Field(
        default=None, ge=1, description="Tokens of a key in a calendar month (UTC)."
    )
    monthly_cost: float | None = Field(
        default=None,
        gt=0,
        le=_MOST_COST,
        description="Cost of a key in a calendar month (UTC), in `accounts.currency`.",
    )
    uploads_per_minute: int | None = Field(
        default=None, ge=1, description="Files that a key may upload in a minute."
    )
    other_requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Requests of a key in a minute that ask no model: jobs, batches, files, usage.",
    )
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Longest answer in tokens; it holds too where a request names none. Where tokens are "
        "limited and this is empty, 4096.",
    )
    models: list[str] = Field(
        default_factory=list, description="Models that may be asked, by name; empty for all."
    )
    priority: int = Field(
        default=0, ge=-5, le=5, description="Larger goes first in the engine's queue, within a lane."
    )


class PriceSettings(Section):
    """Prices of one model, in `accounts.currency` for a million tokens."""

    input: float = Field(
        default=0, ge=0, le=_MOST_PRICE, description="A million tokens of prompts, images included."
    )
    output: float = Field(default=0, ge=0, le=_MOST_PRICE, description="A million tokens of answers.")
    cached_input: float | None = Field(
        default=None,
        ge=0,
        le=_MOST_PRICE,
        description="A million tokens of prompts that lay in the engine's prefix cache; empty: as `input`.",
    )


def _tiers() -> dict[str, TierSettings]:
    return {
        "test": TierSettings(
            requests_per_minute=60,
            tokens_per_minute=100_000,
            concurrency=4,
            monthly_tokens=5_000_000,
            max_tokens=2048,
            uploads_per_minute=30,
            other_requests_per_minute=600,
        ),
        "production": TierSettings(
            requests_per_minute=1200,
            tokens_per_minute=2_000_000,
            concurrency=64,
            monthly_tokens=2_000_000_000,
            max_tokens=8192,
            uploads_per_minute=600,
            other_requests_per_minute=6000,
            priority=1,
        ),
        "internal": TierSettings(),
    }


class UsageSettings(Section):
    enabled: bool = Field(default=True, description="Whether use is counted at all.")
    history_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL that keeps the history, as `postgresql://user:password@host/database`; best "
        "given as the variable `QWEN_VL_USAGE__HISTORY_URL`. Empty: the SQLite file `usage/usage.db` in the "
        "data folder.",
    )
    history_days: int = Field(default=400, ge=1, description="Days that the history keeps what was used.")
    metric_tenants: int = Field(
        default=100,
        ge=0,
        description="Tenants that have metrics of their own; the rest is counted together as `others`.",
    )


class AccountsSettings(Section):
    admin_key: SecretStr | None = Field(
        default=None,
        description="Key of the admin API, at least 16 characters; best given as the variable "
        "`QWEN_VL_ACCOUNTS__ADMIN_KEY`. Without one there is no admin API.",
    )
    admin_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of its own for the admin API, which then is on no other.",
    )
    admin_host: str = Field(
        default="127.0.0.1", description="Address that the admin API's own port listens on."
    )
    public_metrics: bool = Field(
        default=False,
        description="Whether `/metrics` needs no key. Otherwise it needs the admin key, or a key whose "
        "endpoints name `/metrics`, as soon as there are keys.",
    )
    tiers: dict[str, TierSettings] = Field(
        default_factory=_tiers, description="Limits of keys, by the name that keys give as their tier."
    )
    default_tier: str = Field(default="test", description="Tier of keys that are made without one.")
    tenant_quota: QuotaSettings = Field(
        default_factory=QuotaSettings,
        description="What all keys of a tenant may use together; it holds beside the quotas of its keys.",
    )
    tenants: dict[str, QuotaSettings] = Field(
        default_factory=dict,
        description="Quotas of single tenants, by name, in place of `tenant_quota`.",
    )
    replicas: int = Field(
        default=1,
        ge=1,
        description="Gateways that share the state store. While it is away each allows its share of a rate.",
    )
    outage_s: float = Field(
        default=300,
        ge=0,
        description="Seconds for which keys that were in use go on working while the state store is away.",
    )
    currency: str = Field(default="USD", description="Currency of all prices and costs.")
    prices: dict[str, PriceSettings] = Field(
        default_factory=dict, description="Prices by model name; a model without one costs nothing."
    )
    cached_price: float = Field(
        default=0, ge=0, le=1, description="Share of its price that an answer from the cache costs."
    )
    degraded_price: float = Field(
        default=1,
        ge=0,
        le=1,
        description="Share of the price of the smaller model that its answer costs under overload.",
    )
    alert_url: str | None = Field(
        default=None,
        description="Address that is told (POST, JSON) when a key or tenant nears the end of a quota.",
    )
    alert_at: list[Annotated[int, Field(ge=1, le=100)]] = Field(
        default_factory=lambda: [80, 100], description="Percentages of a quota at which it is told."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> AccountsSettings:
        if self.default_tier not in self.tiers:
            raise ValueError(f"the default tier {self.default_tier} is no tier")
        if self.admin_key is not None and len(self.admin_key.get_secret_value()) < 16:
            raise ValueError("the admin key has fewer than 16 characters")
        if self.admin_port is not None and self.admin_key is None:
            raise ValueError("an admin port needs an admin key")
        return self
