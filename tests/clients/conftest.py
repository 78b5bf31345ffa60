"""The official clients live in a virtual environment of their own; they talk to a server process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT, RunningServer, serving

ADMIN = "admin-key-of-the-tests"
CLIENTS = ROOT / ".venv-clients/bin/python"
LIMIT_S = 200
CONFIG = """
models:
  describe: {engine: {kind: scripted, adapters: {invoices: 'Total: 12.'}}}
  json: {engine: {kind: scripted, answer: '{"colour":"red"}'}}
  think: {engine: {kind: scripted, answer: Four., reasoning: Two and two.}}
  slow: {engine: {kind: scripted, answer: 'one two three four five six seven eight', token_delay_ms: 200}}
"""
REAL_CONFIG = f"""
models:
  qwen3-vl-30b: {{}}
  away: {{engine: {{kind: remote, base_url: 'http://127.0.0.1:9/v1', model: away}}}}
safety: {{terms: [xyzzy]}}
accounts:
  admin_key: {ADMIN}
  tiers: {{free: {{}}, once: {{requests_per_minute: 1}}}}
  default_tier: free
"""
"""The demo checkpoint on the real engine, and what it takes to be refused in every way."""
_START = f"""
import faulthandler, runpy, sys
faulthandler.dump_traceback_later({LIMIT_S}, exit=True)
sys.argv.pop(0)
sys.path.insert(0, {str(Path(__file__).parent / "talks")!r})
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="session")
def scripted_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server process with four scripted models."""
    with serving(tmp_path_factory.mktemp("clients"), CONFIG) as server:
        yield server


@pytest.fixture(scope="session")
def real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server process with the real engine that asks for keys."""
    with serving(tmp_path_factory.mktemp("real"), REAL_CONFIG) as server:
        yield server


@pytest.fixture
def keys(real_server: RunningServer) -> str:
    """Keys of this conversation alone, by what they are good for, as JSON."""
    orders = {
        "all": {"tier": "free"},
        "no_chat": {"tier": "free", "tasks": ["ocr"]},
        "once": {"tier": "once"},
    }
    with real_server.client() as client:
        headers = {"authorization": f"Bearer {ADMIN}"}
        made = {
            name: client.post("/admin/keys", json={"tenant": "tests"} | order, headers=headers).json()["key"]
            for name, order in orders.items()
        }
    return json.dumps(made)


def talk(script: Path, *words: str, python: Path = CLIENTS) -> str:
    """Run a conversation in the clients' environment; what it printed. Fails with its traceback.

    A script that does not come to its end says where it stands.
    """
    assert python.exists(), "run: make install-clients"
    done = subprocess.run(
        [str(python), "-c", _START, str(script), *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
