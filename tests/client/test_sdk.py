"""The SDK against a gateway in this process, and without the server's packages."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from engine.errors import GenerationFailed
from gateway.client import (
    APIConnectionError,
    AsyncQwenVLClient,
    BadRequestError,
    FinalEvent,
    NotFoundError,
    OverloadedError,
    ReasoningEvent,
    ServerError,
    TokenEvent,
)
from gateway.client.errors import APIError
from gateway.client.inputs import LONGEST_SIDE, is_address, sources
from gateway.client.protocol import answer_of
from tests.conftest import Gateway
from tests.media.samples import encoded
from tests.pictures import EXAMPLES, square
from tests.scripts import scripted
from tests.servers import ROOT


def sdk(client: httpx.AsyncClient, tries: int = 1) -> AsyncQwenVLClient:
    return AsyncQwenVLClient("http://gateway", http_client=client, tries=tries)


async def test_pictures_may_be_addresses_paths_bytes_or_pillow_images(gateway: Gateway) -> None:
    engine = scripted()
    pictures = [
        square(),
        EXAMPLES / "two-a.png",
        str(EXAMPLES / "two-b.png"),
        (EXAMPLES / "chart.png").read_bytes(),
        Image.new("RGBA", (80, 40), "blue"),
    ]
    async with gateway(engine) as client:
        answer = await sdk(client).ask(pictures, "What?")
    assert answer.answer == "I was sent 5 images, 0 videos and: What?"
    assert answer.metadata.model == "qwen3-vl-30b"
    assert answer.metadata.output_tokens > 0
    assert answer.request_id
    assert engine.seen[0].media[4].frames[0].size == (80, 40)


def test_a_broken_picture_is_sent_as_it_is_and_names_like_ids_are_files(tmp_path: Path) -> None:
    large = encoded(Image.new("L", (4000, 4000)))
    broken = large[:200] + b"\xff" * 40 + large[240:]
    assert sources(broken) == [f"data:image/png;base64,{base64.b64encode(broken).decode()}"]
    path = tmp_path / "file-001.png"
    path.write_bytes((EXAMPLES / "shapes.png").read_bytes())
    assert not is_address("file-001.png")
    assert is_address(f"file-{'0a' * 12}")


def test_a_reply_that_is_not_the_gateways_is_an_error_of_the_sdk() -> None:
    for text in ("<html>", "[]", "7", '{"result": 5}'):
        with pytest.raises(APIError, match="not one of the gateway"):
            answer_of(httpx.Response(200, text=text))


async def test_a_clip_and_a_schema(gateway: Gateway) -> None:
    async with gateway(scripted('{"type":"bar"}')) as client:
        clip = await sdk(client).ask(EXAMPLES / "motion.mp4", task="video_qa")
        chart = await sdk(client).ask(EXAMPLES / "chart.png", task="chart_parse", max_tokens=99)
    assert clip.text == '{"type":"bar"}'
    assert chart.data == {"type": "bar"}


async def test_a_stream_of_events_and_of_text(gateway: Gateway) -> None:
    async with gateway(scripted("Two red circles.")) as client:
        stream = await sdk(client).ask(square(), "What?", stream=True)
        events = [event async for event in stream]
        again = await sdk(client).ask(square(), "What?", stream=True)
        text = [token async for token in again.text_stream]
    assert isinstance(events[0], TokenEvent)
    assert isinstance(events[-1], FinalEvent)
    assert "".join(text) == "Two red circles."
    assert again.answer is not None
    assert again.answer.answer == "Two red circles."


async def test_thoughts_are_events_of_their_own(gateway: Gateway) -> None:
    async with gateway(scripted("Four.", reasoning="Two and two.")) as client:
        stream = await sdk(client).ask(square(), "What?", stream=True)
        events = [event async for event in stream]
    thoughts = [event.token for event in events if isinstance(event, ReasoningEvent)]
    assert "".join(thoughts) == "Two and two."
    assert stream.answer is not None
    assert (stream.answer.reasoning, stream.answer.answer) == ("Two and two.", "Four.")


async def test_errors_are_typed_and_carry_code_and_request_id(gateway: Gateway) -> None:
    async with gateway(scripted()) as client:
        with pytest.raises(NotFoundError) as missing:
            await sdk(client).ask(square(), "What?", model="gpt-9")
        with pytest.raises(BadRequestError) as bad:
            await sdk(client).ask(square(), "What?", temperature=9)
    assert (missing.value.code, missing.value.status) == (1006, 404)
    assert bad.value.code == 1000
    assert bad.value.request_id
    assert bad.value.request_id in str(bad.value)


async def test_a_failure_in_mid_stream_is_raised(gateway: Gateway) -> None:
    engine = scripted("one two three")
    engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
    async with gateway(engine) as client:
        stream = await sdk(client).ask(square(), "What?", stream=True)
        got = []
        with pytest.raises(ServerError) as failed:
            async for event in stream:
                got.append(event)  # noqa: PERF401 - what came before the failure is looked at
    assert [event.token for event in got if isinstance(event, TokenEvent)] == ["one", " two"]
    assert failed.value.code == 2004


class Busy:
    """A server that is full for the first `times` requests and asks to come back at once."""

    def __init__(self, times: int, retry_after: str = "0") -> None:
        self.times, self.retry_after, self.asked = times, retry_after, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if self.asked <= self.times:
            body = {"request_id": "r", "code": 2001, "msg": "Full.", "result": None}
            return httpx.Response(503, json=body, headers={"retry-after": self.retry_after})
        return httpx.Response(200, json={"request_id": "r", "code": 0, "result": {"answer": "Hi"}})


async def test_it_tries_again_as_late_as_the_server_asks() -> None:
    busy = Busy(2)
    async with httpx.AsyncClient(transport=httpx.MockTransport(busy)) as client:
        assert (await sdk(client, tries=3).ask(square(), "What?")).answer == "Hi"
    assert busy.asked == 3


async def test_it_gives_up_after_its_tries_and_never_repeats_what_is_wrong() -> None:
    busy = Busy(9)
    async with httpx.AsyncClient(transport=httpx.MockTransport(busy)) as client:
        with pytest.raises(OverloadedError):
            await sdk(client, tries=2).ask(square(), "What?")
    assert busy.asked == 2


async def test_it_does_not_try_again_where_the_server_says_that_waiting_does_not_help() -> None:
    asked = 0

    def spent(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        body = {"request_id": "r", "code": 4004, "msg": "Spent.", "result": None}
        return httpx.Response(429, json=body, headers={"x-should-retry": "false"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(spent)) as client:
        with pytest.raises(OverloadedError) as error:
            await sdk(client, tries=3).ask(square(), "What?")
    assert (error.value.code, error.value.may_work_later, asked) == (4004, False, 1)


async def test_no_server_is_an_error_of_its_own() -> None:
    async with AsyncQwenVLClient("http://127.0.0.1:9", tries=1) as client:
        with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1:9"):
            await client.ask(square(), "What?")


async def test_a_batch_gives_answers_and_errors_as_they_come(gateway: Gateway) -> None:
    requests = [
        {"images": square(), "question": "A?"},
        {"images": square(), "question": "B?", "model": "gpt-9"},
        {"images": "/no/such/file.png", "question": "C?"},
    ]
    async with gateway(scripted("Yes.")) as client:
        found = {outcome.index: outcome async for outcome in sdk(client).batch(requests)}
    assert found[0].answer is not None
    assert found[0].answer.text == "Yes."
    assert isinstance(found[1].error, NotFoundError)
    assert "/no/such/file.png" in str(found[2].error)


async def test_a_batch_takes_its_questions_as_it_needs_them(gateway: Gateway) -> None:
    taken = 0

    def requests() -> Iterator[dict[str, Any]]:
        nonlocal taken
        while True:
            taken += 1
            yield {"images": square(), "question": f"{taken}?"}

    async with (
        gateway(scripted("Yes.")) as client,
        aclosing(sdk(client).batch(requests(), at_once=2)) as outcomes,  # type: ignore[type-var]
    ):
        async for outcome in outcomes:
            assert outcome.answer is not None
            break
    assert taken == 2


def test_large_pictures_are_scaled_down_before_they_are_sent(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    Image.effect_noise((3000, 1500), 80).convert("RGB").save(large)
    (source,) = sources(large)
    import base64
    import io

    with Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) as sent:
        assert max(sent.size) == LONGEST_SIDE
    assert len(source) < large.stat().st_size


def test_documents_and_clips_travel_as_they_are() -> None:
    assert sources(b"%PDF-1.7 ...")[0].startswith("data:application/pdf;base64,")
    assert sources(EXAMPLES / "motion.mp4")[0].startswith("data:video/mp4;base64,")
    assert sources("https://example.com/a.png") == ["https://example.com/a.png"]


def test_the_sdk_is_light() -> None:
    code = (
        "import sys, gateway.client\n"
        "heavy = {'vllm', 'torch', 'starlette', 'pydantic', 'prometheus_client', 'numpy', 'PIL', 'engine'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
        "print(sorted(m for m in sys.modules if m.startswith('gateway.') and 'client' not in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n[]\n"
