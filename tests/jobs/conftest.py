"""Gateways with a state store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from gateway.settings import CacheSettings, JobsSettings, SafetySettings, Settings
from gateway.state import Gateway

Keeps = Callable[..., Settings]


@pytest.fixture
def keeps() -> Keeps:
    """Settings of a gateway that keeps jobs, in an embedded store of the test's own."""

    def _settings(**jobs: Any) -> Settings:
        fields = {name: jobs.pop(name) for name in list(jobs) if name in Settings.model_fields}
        return Settings(
            cache=CacheSettings(url="none"),
            safety=SafetySettings(classify_images=False),
            jobs=JobsSettings(**{"backoff_s": 0.05, **jobs}),
            **fields,
        )

    return _settings


def inside(client: httpx.AsyncClient) -> Gateway:
    """The gateway behind a client of the same process."""
    found: Gateway = client._transport.app.state.gateway  # type: ignore[attr-defined]
    return found


async def finished(client: httpx.AsyncClient, job: dict[str, Any]) -> dict[str, Any]:
    """The job when it is finished."""
    while True:
        seen = (await client.get(f"/v1/jobs/{job['id']}", params={"wait": 10})).json()
        if seen["status"] in ("succeeded", "failed", "cancelled"):
            return dict(seen)
