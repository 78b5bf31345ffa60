"""Anthropic's Messages on the scripted engine, read by Anthropic's own SDK."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx
import httpx2
import pytest

from engine.errors import ContextTooLong, GenerationFailed, Overloaded
from engine.types import TextPart
from gateway.settings import SafetySettings, Settings, StateSettings
from tests.conftest import Gateway
from tests.pictures import square
from tests.scripts import scripted

HELLO: Any = [{"role": "user", "content": "Hello"}]
MODEL = "qwen3-vl"


def sdk(client: httpx.AsyncClient) -> anthropic.AsyncAnthropic:
    """The SDK speaks through httpx2, so the app is wrapped a second time."""
    assert isinstance(client._transport, httpx.ASGITransport)
    transport = httpx2.ASGITransport(app=client._transport.app, raise_app_exceptions=False)
    return anthropic.AsyncAnthropic(
        base_url="http://gateway",
        api_key="none",
        http_client=httpx2.AsyncClient(transport=transport),
        max_retries=0,
    )


def image(colour: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": square(colour).partition(",")[2]}
    return {"type": "image", "source": source}


async def test_a_message(gateway: Gateway) -> None:
    engine = scripted("Hi there.")
    async with gateway(engine) as client:
        reply = await sdk(client).messages.create(
            model=MODEL, max_tokens=50, messages=HELLO, system="Be kind.", stop_sequences=["END"]
        )
    assert [block.text for block in reply.content] == ["Hi there."]
    assert reply.stop_reason == "end_turn"
    assert reply.usage.output_tokens == 3
    (seen,) = engine.seen
    assert [message.role for message in seen.messages] == ["system", "user"]
    assert seen.sampling.stop == ["END"]


async def test_a_stream_is_put_together_by_the_sdk(gateway: Gateway) -> None:
    async with (
        gateway(scripted("Hi there.", reasoning="Let me think.")) as client,
        sdk(client).messages.stream(model=MODEL, max_tokens=50, messages=HELLO) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])
        message = await stream.get_final_message()
    assert text == "Hi there."
    assert [(block.type) for block in message.content] == ["thinking", "text"]
    assert message.content[0].thinking == "Let me think."
    assert message.usage.output_tokens == 7
    assert message.usage.input_tokens > 0
    assert message.stop_reason == "end_turn"


async def test_images_keep_their_places(gateway: Gateway) -> None:
    engine = scripted()
    content = [image("red"), {"type": "text", "text": "Compare"}, image("blue")]
    async with gateway(engine) as client:
        await sdk(client).messages.create(
            model=MODEL, max_tokens=5, messages=[{"role": "user", "content": content}]
        )
    parts = engine.seen[0].messages[0].content or ()
    assert [type(part).__name__ for part in parts] == ["MediaPart", "TextPart", "MediaPart"]
    assert engine.seen[0].media[1].frames[0].getpixel((0, 0)) == (0, 0, 255)


TOOL: Any = {"name": "weather", "description": "", "input_schema": {"type": "object", "properties": {}}}


async def test_a_tool_is_called_and_its_result_comes_back(gateway: Gateway) -> None:
    engine = scripted('{"city":"Paris"}')
    async with gateway(engine) as client:
        messages = sdk(client).messages
        reply = await messages.create(
            model=MODEL, max_tokens=50, messages=HELLO, tools=[TOOL], tool_choice={"type": "any"}
        )
        async with messages.stream(
            model=MODEL,
            max_tokens=50,
            messages=HELLO,
            tools=[TOOL],
            tool_choice={"type": "tool", "name": "weather"},
        ) as stream:
            streamed = await stream.get_final_message()
        result = {"type": "tool_result", "tool_use_id": "t1", "content": "Sunny"}
        call = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Paris"}}
        await messages.create(
            model=MODEL,
            max_tokens=50,
            messages=[
                *HELLO,
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ],
        )
    for message in (reply, streamed):
        assert message.stop_reason == "tool_use"
        assert message.content[0].name == "weather"
        assert message.content[0].input == {"city": "Paris"}
    assert [message.role for message in engine.seen[2].messages] == ["user", "assistant", "tool"]


async def test_tokens_are_counted_by_the_engine(client: httpx.AsyncClient) -> None:
    one = await sdk(client).messages.count_tokens(model=MODEL, messages=HELLO)
    two = await sdk(client).messages.count_tokens(
        model=MODEL, messages=[{"role": "user", "content": [image("red")]}]
    )
    assert one.input_tokens == 1
    assert two.input_tokens > 64


async def test_the_sdk_raises_its_own_exceptions(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        create = sdk(client).messages.create
        with pytest.raises(anthropic.NotFoundError, match="code 1006"):
            await create(model="gpt-9", max_tokens=5, messages=HELLO)
        with pytest.raises(anthropic.BadRequestError, match="max_tokens") as bad:
            await create(model=MODEL, max_tokens=0, messages=HELLO)
        assert bad.value.body["error"]["type"] == "invalid_request_error"  # type: ignore[index]
        assert bad.value.body["request_id"] == bad.value.response.headers["x-request-id"]  # type: ignore[index]
        engine.fail_with = Overloaded("The model is busy.")
        with pytest.raises(anthropic.APIStatusError) as busy:
            await create(model=MODEL, max_tokens=5, messages=HELLO, stream=True)
        assert busy.value.status_code == 503
        assert busy.value.response.headers["retry-after"] == "1"


async def test_a_failure_in_mid_stream_is_raised_by_the_sdk(gateway: Gateway) -> None:
    engine = scripted("one two three")
    engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
    async with gateway(engine) as client:
        got = ""
        with pytest.raises(anthropic.APIStatusError, match="code 2004"):
            async with sdk(client).messages.stream(model=MODEL, max_tokens=9, messages=HELLO) as stream:
                async for piece in stream.text_stream:
                    got += piece
    assert got == "one two"


async def test_a_task_is_reached_by_the_models_name(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        await sdk(client).messages.create(
            model="qwen3-vl-30b:captioning",
            max_tokens=50,
            messages=[{"role": "user", "content": [image("red")]}],
        )
    role, question = engine.seen[0].messages
    assert "captions" in str(role.content)
    assert question.content[1] == TextPart("Describe this image in one sentence.")  # type: ignore[index]


async def test_clients_find_the_request_id_and_the_words_they_look_for(gateway: Gateway) -> None:
    engine = scripted("Hi there.")
    engine.fail_with = ContextTooLong(4096)
    async with gateway(engine) as client:
        with pytest.raises(anthropic.BadRequestError, match=r"prompt is too long: .*4096") as refused:
            await sdk(client).messages.create(model=MODEL, max_tokens=50, messages=HELLO)
        assert str(refused.value.request_id).startswith("req_")
        engine.fail_with = None
        reply = await sdk(client).messages.create(model=MODEL, max_tokens=50, messages=HELLO)
        assert reply._request_id == reply.id.removeprefix("msg_")


async def test_input_tokens_are_those_that_were_not_in_the_cache(gateway: Gateway) -> None:
    settings = Settings(state=StateSettings(url="none"), safety=SafetySettings(classify_images=False))
    async with gateway(scripted("Hi there."), settings) as client:
        messages = sdk(client).messages
        asked: Any = {"model": MODEL, "max_tokens": 50, "messages": HELLO, "extra_body": {"temperature": 0}}
        first = await messages.create(**asked)
        again = await messages.create(**asked)
        async with messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
    assert (first.usage.input_tokens, first.usage.cache_read_input_tokens) == (1, 0)
    for usage in (again.usage, streamed.usage):
        assert (usage.input_tokens, usage.cache_read_input_tokens) == (0, 1)
