"""Each official client holds its conversation with a running gateway, by a change of address alone.

`with_*.py` talk to scripted models, which do what the demo checkpoint cannot: call tools, think aloud, fail
on demand. `real_*.py` talk to the demo checkpoint on the real engine.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.clients.conftest import CLIENTS, talk
from tests.servers import RunningServer

TALKS = Path(__file__).parent / "talks"
pytestmark = pytest.mark.clients


def conversations(kind: str) -> list[object]:
    """Every script of a kind. OpenAI's newest SDK lives beside the gateway, the one before it apart."""
    scripts = sorted(TALKS.glob(f"{kind}_*.py"))
    newest = pytest.param(Path(sys.executable), TALKS / f"{kind}_openai.py", id=f"{kind}_openai_3")
    return [*(pytest.param(CLIENTS, script, id=script.stem) for script in scripts), newest]


@pytest.mark.parametrize(("python", "script"), conversations("with"))
def test_a_conversation(scripted_server: RunningServer, python: Path, script: Path) -> None:
    assert talk(script, scripted_server.url, python=python).endswith("done\n")


@pytest.mark.engine
@pytest.mark.parametrize(("python", "script"), conversations("real"))
def test_a_conversation_with_the_real_engine(
    real_server: RunningServer, keys: str, python: Path, script: Path
) -> None:
    assert talk(script, real_server.url, keys, python=python).endswith("done\n")


@pytest.mark.engine
def test_every_format_gives_the_same_answer(real_server: RunningServer, keys: str) -> None:
    answers = talk(TALKS / "same_answer.py", real_server.url, keys).splitlines()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert "red" in answers[0].lower()
