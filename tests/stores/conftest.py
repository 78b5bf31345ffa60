"""Sentinel sets, in the clear in every run, and over TLS where Redis was unpacked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.stores.servers import Program, SentinelSet, redis_with_tls, sentinel_set


@pytest.fixture(params=["valkey", pytest.param("redis with TLS", marks=pytest.mark.tools)])
async def sentinels(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SentinelSet]:
    program = Program() if request.param == "valkey" else redis_with_tls(tmp_path)
    async with sentinel_set(tmp_path / "stores", program) as servers:
        yield servers
