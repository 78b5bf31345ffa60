"""The settings of cache, lanes and overload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from gateway.call import Lane
from gateway.settings.section import Section


class CacheSettings(Section):
    url: str = Field(
        default="embedded",
        description="Where answers are kept: `embedded` (a Valkey of the gateway's own), `none`, or an "
        "address: `redis://`, `rediss://`, `unix://`, `redis+sentinel://host:26379,host:26379/name`.",
    )
    embedded_mb: int = Field(
        default=256, ge=8, description="Memory of the embedded store in MB; the least used answers make room."
    )
    ttl_s: float = Field(default=3600, ge=0, description="Seconds an answer is kept; 0 keeps none.")
    scope: Literal["tenant", "shared"] = Field(
        default="tenant", description="Whether tenants have answers of their own, or share one another's."
    )
    memory_mb: float = Field(
        default=32, ge=0, description="Memory in MB for the latest answers in the process itself."
    )
    memory_ttl_s: float = Field(
        default=5, ge=0, description="Seconds for which the process trusts its own memory over the store."
    )
    max_answer_kb: float = Field(default=512, gt=0, description="Largest answer that is kept, in kB.")
    timeout_ms: float = Field(
        default=100, gt=0, description="Milliseconds the store may take; then the request goes on without it."
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="Failures in a row after which the store is left alone for a while."
    )
    breaker_reset_s: float = Field(
        default=2, gt=0, description="Seconds until a store that was left alone is tried again."
    )


class StateSettings(Section):
    url: str = Field(
        default="embedded",
        description="Where keys, quotas and jobs are kept: `embedded` (a Valkey of the gateway's own), "
        "`none`, or an address as for the cache. It must not evict; replicas share one.",
    )
    timeout_ms: float = Field(default=2000, gt=0, description="Milliseconds the store may take.")


class LaneSettings(Section):
    reserved: float = Field(
        ge=0, le=1, description="Share of an engine's slots that is this lane's own; idle ones are lent."
    )
    spare: int = Field(
        default=0, ge=0, description="Of these, slots that stay free even when nobody uses the lane."
    )
    most: float = Field(
        default=1,
        gt=0,
        le=1,
        description="Share of an engine's slots that the lane holds at most, borrowed ones included, while "
        "other lanes are in use.",
    )
    queue: int = Field(ge=0, description="Requests that may wait; more are overload.")
    max_wait_s: float = Field(
        gt=0, description="Seconds a request may wait, and be expected to wait, before it counts as overload."
    )
    preparing: int = Field(
        default=4, ge=1, description="Requests whose media are prepared at the same time; others wait."
    )
    weight: int = Field(
        default=1, ge=1, description="Share of the slots that nobody has reserved, against other lanes."
    )


class LanesSettings(Section):
    interactive: LaneSettings = Field(
        default=LaneSettings(reserved=0.5, spare=1, queue=128, max_wait_s=10, weight=4),
        description="Lane A: everything that is in no other lane.",
    )
    batch: LaneSettings = Field(
        default=LaneSettings(reserved=0.25, most=0.75, queue=256, max_wait_s=60, preparing=1),
        description="Lane B: documents and jobs.",
    )
    video: LaneSettings = Field(
        default=LaneSettings(reserved=0.125, most=0.5, queue=64, max_wait_s=60, preparing=1, weight=2),
        description="Lane C: requests with a video.",
    )
    lend: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a lane's reserved slots that others may borrow while they are idle.",
    )
    unused_after_s: float = Field(
        default=30,
        ge=0,
        description="Seconds without a request after which a lane is not in use: others may borrow all its "
        "slots but for its `spare` (none where `lend` is 0). With the next request they come back, as those "
        "that use them end.",
    )

    @property
    def by_name(self) -> dict[Lane, LaneSettings]:
        return {"interactive": self.interactive, "batch": self.batch, "video": self.video}

    @model_validator(mode="after")
    def _fits_the_engine(self) -> LanesSettings:
        if sum(lane.reserved for lane in self.by_name.values()) > 1:
            raise ValueError("the lanes together reserve more than the whole engine")
        return self


class OverloadSettings(Section):
    kv_usage: float = Field(
        default=0.98,
        gt=0,
        le=1,
        description="Share of the KV cache in use from which an engine counts as full.",
    )
    min_free_memory_mb: float = Field(
        default=256, ge=0, description="Free memory of the host in MB below which it counts as full."
    )
    breaker_failures: int = Field(
        default=5,
        ge=1,
        description="Failures of an engine in a row after which it gets no requests for a while.",
    )
    breaker_reset_s: float = Field(
        default=5,
        gt=0,
        description="Seconds until an engine that was left alone is tried again, with one request.",
    )


class TaskSettings(Section):
    """Empty fields leave what holds for all tasks."""

    cache_ttl_s: float | None = Field(
        default=None, ge=0, description="Seconds an answer of this task is kept; 0 keeps none."
    )
    cache_scope: Literal["tenant", "shared"] | None = Field(
        default=None, description="Whether tenants share this task's answers."
    )
    allow_degraded: bool = Field(
        default=True,
        description="Whether the smaller model may answer this task when the larger one is full.",
    )


def check_fallbacks(fallbacks: Mapping[str, str | None]) -> None:
    """Raises `ValueError` where a model's fallback is no model, or leads back to itself."""
    for name in fallbacks:
        seen = [name]
        while fallback := fallbacks[seen[-1]]:
            if fallback not in fallbacks:
                raise ValueError(f"the fallback {fallback} of {seen[-1]} is no model")
            if fallback in seen:
                raise ValueError(f"the fallbacks of {name} go round in a circle")
            seen.append(fallback)
