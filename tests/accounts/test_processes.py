"""Two gateways as processes of their own, on one Valkey."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from gateway.accounts.limits import Limits
from gateway.accounts.reservation import Reservation
from gateway.accounts.store import KeyStore
from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey
from tests.conftest import Start
from tests.servers import ROOT

pytestmark = pytest.mark.anyio
QUOTA = 4000
ASKED = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 20}


def config(state: str) -> str:
    tiers = {"rated": {"requests_per_minute": 100}, "paid": {"monthly_tokens": QUOTA, "max_tokens": 20}}
    settings: Any = {
        "models": {"m": {"engine": {"kind": "scripted", "answer": "word " * 20, "max_running": 256}}},
        "cache": {"url": "none"},
        "state": {"url": state, "timeout_ms": 10_000},
        "safety": {"classify_images": False},
        "accounts": {"tiers": {"test": {}, **tiers}},
    }
    return json.dumps(settings)


async def test_limits_hold_over_both_and_a_revoked_key_ends_on_both(
    start: Start, store: EmbeddedValkey
) -> None:
    client = connect(store.url, 10)
    keys = KeyStore(client)
    rated, paid = [await keys.create(tenant="acme", tier=tier) for tier in ("rated", "paid")]
    servers = [await anyio.to_thread.run_sync(start, config(store.url)) for _ in range(2)]
    async with httpx.AsyncClient(timeout=60) as http:

        async def flood(secret: str, stream: bool) -> Counter[int]:
            codes: Counter[int] = Counter()
            turn = anyio.Semaphore(50)

            async def ask(number: int) -> None:
                async with turn:
                    url = f"{servers[number % 2].url}/v1/chat/completions"
                    headers = {"authorization": f"Bearer {secret}"}
                    codes[
                        (await http.post(url, json=ASKED | {"stream": stream}, headers=headers)).status_code
                    ] += 1

            async with anyio.create_task_group() as group:
                for number in range(300):
                    group.start_soon(ask, number)
            return codes

        began = time.monotonic()
        codes = await flood(rated[1], stream=False)
        assert codes.keys() <= {200, 429}
        if time.monotonic() - began < 60:
            assert 98 <= codes[200] <= 100
        codes = await flood(paid[1], stream=True)
        assert codes.keys() == {200, 429}
        codes = await flood(paid[1], stream=False)  # what the flood had reserved and not used
        assert codes.keys() <= {200, 429}
        account = Reservation.begin(paid[0].principal, Limits()).of_key
        with anyio.fail_after(20):
            while (await client.hget(account.sums, "held_tokens")) != b"0":
                await anyio.sleep(0.05)
        spent = int(await client.hget(account.spent, "tokens") or 0)
        assert 0.98 * QUOTA <= spent <= QUOTA

        await keys.revoke(paid[0].id)
        began = time.monotonic()
        headers = {"authorization": f"Bearer {paid[1]}"}
        for server in servers:
            while (await http.get(f"{server.url}/v1/models", headers=headers)).status_code != 401:
                assert time.monotonic() - began < 2
    await client.aclose()


def serve(*flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway.cli", "serve", "--port", "0", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_server_that_would_be_open_to_others_does_not_start() -> None:
    done = serve("--host", "0.0.0.0")
    assert done.returncode == 2
    assert "qwen-vl keys create" in done.stderr
    assert "--insecure" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_state_store_that_cannot_start_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        away = f"redis://:hidden@127.0.0.1:{unused.getsockname()[1]}"
        for settings in (f"server: {{data_dir: {tmp_path}/file}}", f"state: {{url: '{away}'}}"):
            (tmp_path / "gateway.yaml").write_text(settings)
            done = serve("--config", str(tmp_path / "gateway.yaml"))
            assert done.returncode == 2
            assert "The state store" in done.stderr
            assert "Traceback" not in done.stderr
            assert "hidden" not in done.stderr
