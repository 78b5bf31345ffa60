"""The official clients live in a virtual environment of their own; they talk to a server process."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import ROOT, RunningServer, launch, wait_until_ready

CLIENTS = ROOT / ".venv-clients/bin/python"
LIMIT_S = 200
CONFIG = """
models:
  describe: {engine: {kind: scripted}}
  json: {engine: {kind: scripted, answer: '{"colour":"red"}'}}
  think: {engine: {kind: scripted, answer: Four., reasoning: Two and two.}}
  slow: {engine: {kind: scripted, answer: 'one two three four five six seven eight', token_delay_ms: 200}}
"""
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
    folder = tmp_path_factory.mktemp("clients")
    (folder / "gateway.yaml").write_text(CONFIG)
    process = launch(folder / "serve.log", "--config", str(folder / "gateway.yaml"))
    try:
        yield wait_until_ready(process, folder / "serve.log")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def talk(script: Path, url: str, python: Path = CLIENTS) -> str:
    """Run a conversation in the clients' environment; what it printed. Fails with its traceback.

    A script that does not come to its end says where it stands.
    """
    assert python.exists(), "run: make install-clients"
    done = subprocess.run(
        [str(python), "-c", _START, str(script), url], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout
