"""OpenAI's chat completions on the scripted engine, read by OpenAI's own SDK."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest

from engine.errors import ContextTooLong, GenerationFailed
from tests.conftest import Gateway
from tests.events import events
from tests.pictures import square
from tests.scripts import scripted

HELLO = [{"role": "user", "content": "Hello"}]


def sdk(client: httpx.AsyncClient) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url="http://gateway/v1", api_key="none", http_client=client, max_retries=0)


async def test_a_completion(gateway: Gateway) -> None:
    async with gateway(scripted("Hi there.")) as client:
        reply = await sdk(client).chat.completions.create(model="qwen3-vl", messages=HELLO)
    assert reply.choices[0].message.content == "Hi there."
    assert reply.choices[0].finish_reason == "stop"
    assert reply.model == "qwen3-vl-30b"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + 3


async def test_a_stream_with_usage_at_its_end(gateway: Gateway) -> None:
    async with gateway(scripted("Hi there.")) as client:
        stream = await sdk(client).chat.completions.create(
            model="qwen3-vl", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Hi there."
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 3
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_stream_ends_with_done_and_has_no_usage_unless_asked(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/chat/completions", json={"messages": HELLO, "stream": True})
    found = events(reply.text)
    assert found[-1] == ("", "[DONE]")
    assert all("usage" not in data for _, data in found[:-1])


async def test_an_image_reaches_the_engine_where_it_stood_in_the_message(gateway: Gateway) -> None:
    engine = scripted()
    content = [
        {"type": "text", "text": "before"},
        {"type": "image_url", "image_url": {"url": square("blue"), "detail": "low"}},
        {"type": "text", "text": "after"},
    ]
    async with gateway(engine) as client:
        await sdk(client).chat.completions.create(
            model="qwen3-vl-30b", messages=[{"role": "user", "content": content}], max_completion_tokens=5
        )
    parts = engine.seen[0].messages[0].content or ()
    assert [type(part).__name__ for part in parts] == ["TextPart", "MediaPart", "TextPart"]
    assert engine.seen[0].media[0].frames[0].getpixel((0, 0)) == (0, 0, 255)
    assert engine.seen[0].sampling.max_tokens == 5


async def test_the_sdk_raises_its_own_exceptions(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        create = sdk(client).chat.completions.create
        with pytest.raises(openai.NotFoundError) as missing:
            await create(model="gpt-9", messages=HELLO)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.BadRequestError) as bad:
            await create(model="qwen3-vl", messages=HELLO, temperature=9)
        assert bad.value.param == "temperature"
        engine.fail_with = ContextTooLong(4096)
        with pytest.raises(openai.BadRequestError, match="maximum context length is 4096 tokens"):
            await create(model="qwen3-vl", messages=HELLO)
        engine.fail_with = GenerationFailed("The model failed on this request.")
        with pytest.raises(openai.InternalServerError):
            await create(model="qwen3-vl", messages=HELLO, stream=True)


async def test_a_failure_in_mid_stream_is_raised_by_the_sdk(gateway: Gateway) -> None:
    engine = scripted("one two three")
    engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
    async with gateway(engine) as client:
        stream = await sdk(client).chat.completions.create(model="qwen3-vl", messages=HELLO, stream=True)
        got = ""
        with pytest.raises(openai.APIError, match="code 2004"):
            async for chunk in stream:
                got += chunk.choices[0].delta.content or ""
    assert got == "one two"


async def test_models_are_listed_under_all_their_names(client: httpx.AsyncClient) -> None:
    models = [model async for model in await sdk(client).models.list()]
    assert [model.id for model in models] == ["qwen3-vl-30b", "qwen3-vl"]
    assert (await sdk(client).models.retrieve("qwen3-vl")).id == "qwen3-vl"
    with pytest.raises(openai.NotFoundError):
        await sdk(client).models.retrieve("gpt-9")


async def test_thoughts_are_apart_from_the_answer(gateway: Gateway) -> None:
    async with gateway(scripted("Four.", reasoning="Two and two.")) as client:
        create = sdk(client).chat.completions.create
        whole = await create(model="qwen3-vl", messages=HELLO)
        chunks = [chunk async for chunk in await create(model="qwen3-vl", messages=HELLO, stream=True)]
    assert whole.choices[0].message.content == "Four."
    assert whole.choices[0].message.reasoning_content == "Two and two."
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == "Four."
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == "Two and two."


async def test_a_task_is_reached_by_the_models_name(gateway: Gateway) -> None:
    engine = scripted("{}")
    content = [{"type": "image_url", "image_url": {"url": square()}}]
    async with gateway(engine) as client:
        asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
        await sdk(client).chat.completions.create(model="qwen3-vl:chart_parse", messages=asked)
        assert (await sdk(client).models.retrieve("qwen3-vl:chart_parse")).id == "qwen3-vl:chart_parse"
    (seen,) = engine.seen
    assert str(seen.messages[0].content).startswith("Be brief.\n\nYou are a data analyst")
    assert (seen.response_format or {})["json_schema"]["name"] == "chart_parse"
    assert seen.sampling.max_tokens == 1024


async def test_media_options_of_the_task_api_go_into_the_extra_body(gateway: Gateway) -> None:
    engine = scripted()
    content = [{"type": "image_url", "image_url": {"url": square("blue"), "detail": None}}]
    asked: Any = {"model": "qwen3-vl", "messages": [{"role": "user", "content": content}]}
    async with gateway(engine) as client:
        create = sdk(client).chat.completions.create
        await create(**asked, extra_body={"media": {"redact": [[0, 0, 4, 4]]}, "mask_pii": True})
        with pytest.raises(openai.BadRequestError, match=r"media\.redact\[0\]"):
            await create(**asked, extra_body={"media": {"redact": [[4, 4, 0, 0]]}})
    picture = engine.seen[0].media[0].frames[0]
    assert picture.getpixel((1, 1)) == (0, 0, 0)
    assert picture.getpixel((picture.width - 1, picture.height - 1)) == (0, 0, 255)


TOOL = {"type": "function", "function": {"name": "paint"}}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"tool_choice": "auto"}, 200),
        ({"tools": [], "tool_choice": "auto"}, 200),
        ({"tools": [TOOL], "tool_choice": "none"}, 200),
        ({"tool_choice": "required"}, 400),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "sing"}}}, 400),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, 400),
        ({"stream": True, "stream_options": {"include_usage": None}}, 200),
        ({"messages": [{"role": "user", "content": None}]}, 400),
        ({"messages": [{"role": "user", "content": []}]}, 400),
        (
            {
                "messages": [
                    {"role": "system", "content": [{"type": "text", "text": "x", "cache_control": {}}]}
                ]
            },
            200,
        ),
    ],
)
async def test_what_scripts_send(client: httpx.AsyncClient, change: dict[str, Any], status: int) -> None:
    reply = await client.post("/v1/chat/completions", json={"model": "qwen3-vl", "messages": HELLO} | change)
    assert reply.status_code == status, reply.text


async def test_legacy_completions_are_answered_as_the_sdk_reads_them(gateway: Gateway) -> None:
    engine = scripted("one two three")
    async with gateway(engine) as client:
        create = sdk(client).completions.create
        whole = await create(model="qwen3-vl", prompt=["Count."], max_tokens=2)
        stream = await create(
            model="qwen3-vl", prompt="Count.", stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        with pytest.raises(openai.BadRequestError, match="use chat completions"):
            await create(model="qwen3-vl", prompt="Count.", echo=True)
        with pytest.raises(openai.BadRequestError):
            await create(model="qwen3-vl", prompt=["one", "two"])
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == ("one two", "length")
    assert whole.usage is not None
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == "one two three"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert engine.seen[0].messages[0].content == "Count."
    assert engine.seen[1].sampling.max_tokens == 16


async def test_a_streamed_document_counts_its_pages_as_one_that_is_not(gateway: Gateway) -> None:
    pages = [{"type": "image_url", "image_url": {"url": square(colour)}} for colour in ("red", "blue")]
    asked: Any = {"model": "qwen3-vl:doc_analyze", "messages": [{"role": "user", "content": pages}]}
    async with gateway(scripted("Two pages.")) as client:
        create = sdk(client).chat.completions.create
        whole = await create(**asked)
        stream = await create(**asked, stream=True, stream_options={"include_usage": True})
        *_, last = [chunk async for chunk in stream]
    assert whole.usage is not None
    assert last.usage == whole.usage
    assert whole.usage.completion_tokens == 9
