"""The load generator, against a server that answers as scripted."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.http.origin import Origin
from gateway.cli import app
from gateway.load.arrivals import parse, poisson, ramp
from gateway.load.driver import Driver
from gateway.load.report import figures, percentile
from gateway.load.workloads import WORKLOADS
from gateway.server import listen
from tests.conftest import Start

SCRIPTED = """
models:
  qwen3-vl-30b:
    engine: {kind: scripted, answer: "one two three four five six seven eight", token_delay_ms: 2}
safety: {classify_images: false}
"""


@pytest.fixture
def url(start: Start) -> str:
    return start(SCRIPTED).url


async def test_every_workload_is_answered(url: str) -> None:
    for name, (_, make) in WORKLOADS.items():
        driver = Driver(Origin.of(url), make("qwen3-vl-30b", 3))
        took = await driver.closed(concurrency=2, requests=3)
        driver.close()
        found = figures(driver.samples, took)
        assert (found.requests, found.failed) == (3, 0), name
        assert found.tokens_per_s > 0


async def test_a_stream_shows_its_first_token_before_its_last(url: str) -> None:
    driver = Driver(Origin.of(url), WORKLOADS["stream"][1]("qwen3-vl-30b", 4))
    took = await driver.closed(1, 4)
    driver.close()
    found = figures(driver.samples, took)
    assert 0 < found.ttft_p50 < found.total_p50
    assert found.gap_p50 > 0


async def test_the_same_question_again_is_a_hit_and_a_new_one_is_not(url: str) -> None:
    for name, hits in (("repeat", 5), ("image", 0)):
        driver = Driver(Origin.of(url), WORKLOADS[name][1]("qwen3-vl-30b", 6))
        await driver.closed(1, 6)
        driver.close()
        assert figures(driver.samples, 1).hits == hits


async def test_an_open_loop_sends_on_its_own_schedule(url: str) -> None:
    driver = Driver(Origin.of(url), WORKLOADS["text"][1]("qwen3-vl-30b", 9))
    arrivals = [0.0, 0.01, 0.02, 0.03]
    await driver.open(iter(arrivals))
    driver.close()
    sent = sorted(sample.at for sample in driver.samples)
    assert len(sent) == 4
    assert all(at >= due for at, due in zip(sent, arrivals, strict=True))


async def test_a_server_that_is_not_there_and_one_that_refuses_are_failures(url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for address, model, status in ((nobody, "qwen3-vl-30b", 0), (url, "no-such-model", 404)):
        driver = Driver(Origin.of(address), WORKLOADS["text"][1](model, 2))
        await driver.closed(2, 2)
        assert [(s.status, s.failed) for s in driver.samples] == [(status, True)] * 2


def test_arrivals_keep_to_their_rate() -> None:
    assert 900 < len(list(poisson(100, 10))) < 1100
    rising = list(ramp(0, 100, 10))
    assert 400 < len(rising) < 600
    assert sum(due > 5 for due in rising) > 2 * sum(due < 5 for due in rising)


def test_arrivals_are_read_from_a_text(tmp_path: Path) -> None:
    times = tmp_path / "times.txt"
    times.write_text("0.5\n1\n7\n")
    assert list(parse(f"@{times}", 5)) == [0.5, 1.0]
    assert len(list(parse("10-20", 10))) > 100
    for wrong in ("fast", "0", "-3"):
        with pytest.raises(ValueError, match=r".+"):
            parse(wrong, 1)
    times.write_text("0.5\nsoon\n")
    with pytest.raises(ValueError, match="line 2"):
        list(parse(f"@{times}", 5))


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1], 0.99) == 1
    assert percentile([], 0.5) == 0


def test_the_command_prints_figures_and_says_when_nobody_answers(url: str) -> None:
    run = CliRunner()
    done = run.invoke(app, ["bench", "text", "repeat", "-n", "6", "-c", "2", "--json", "--base-url", url])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["repeat"]["requests"] == 6
    assert run.invoke(app, ["bench", "txet", "--base-url", url]).exit_code == 2
    assert run.invoke(app, ["bench", "text", "-n", "1", "--base-url", "http://127.0.0.1:9"]).exit_code == 1


def test_tokens_are_not_held_back_by_the_socket() -> None:
    """asyncio switches Nagle's algorithm off only on sockets that name their protocol."""
    with listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP
