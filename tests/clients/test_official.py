"""Each official client holds its conversation with a running gateway, by a change of address alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.conftest import talk
from tests.servers import RunningServer

TALKS = Path(__file__).parent / "talks"


@pytest.mark.clients
@pytest.mark.parametrize("name", sorted(path.stem for path in TALKS.glob("with_*.py")))
def test_a_conversation(scripted_server: RunningServer, name: str) -> None:
    assert talk(TALKS / f"{name}.py", scripted_server.url).endswith("done\n")


@pytest.mark.clients
@pytest.mark.engine
def test_every_format_gives_the_same_answer(server: RunningServer) -> None:
    answers = talk(TALKS / "same_answer.py", server.url).splitlines()
    assert len(answers) == 6
    assert len(set(answers)) == 1
    assert "red" in answers[0].lower()
