"""OpenAI's Responses, as its SDK sends and reads them."""

from __future__ import annotations

from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from engine.errors import GenerationFailed
from tests.conftest import Gateway
from tests.pictures import square
from tests.scripts import scripted

MODEL = "qwen3-vl-30b"
TOOL = {
    "type": "function",
    "name": "paint",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}


def sdk(client: httpx.AsyncClient) -> Any:
    return openai.AsyncOpenAI(
        base_url="http://gateway/v1", api_key="none", http_client=client, max_retries=0
    ).responses


async def test_text_and_instructions_are_answered_with_usage(gateway: Gateway) -> None:
    engine = scripted("Two circles.")
    async with gateway(engine) as client:
        reply = await sdk(client).create(
            model=MODEL, input="What?", instructions="Be brief.", metadata={"a": "b"}, store=True
        )
    assert (reply.output_text, reply.status, reply.store) == ("Two circles.", "completed", False)
    assert reply.usage.output_tokens == 3
    assert reply.metadata == {"a": "b"}
    assert [(m.role, m.content) for m in engine.seen[0].messages] == [
        ("system", "Be brief."),
        ("user", "What?"),
    ]


async def test_pictures_and_earlier_turns_reach_the_model(gateway: Gateway) -> None:
    engine = scripted("Red.")
    content = [
        {"type": "input_image", "image_url": square(), "detail": "auto"},
        {"type": "input_text", "text": "?"},
    ]
    async with gateway(engine) as client:
        first = await sdk(client).create(model=MODEL, input=[{"role": "user", "content": content}])
        earlier = [item.model_dump(exclude_none=True) for item in first.output]
        turns = [{"role": "user", "content": content}, *earlier, {"role": "user", "content": "Sure?"}]
        await sdk(client).create(model=MODEL, input=turns, max_output_tokens=9)
    assert [message.role for message in engine.seen[1].messages] == ["user", "assistant", "user"]
    assert len(engine.seen[1].media) == 1
    assert engine.seen[1].sampling.max_tokens == 9


async def test_a_stream_opens_fills_and_closes_its_items(gateway: Gateway) -> None:
    async with (
        gateway(scripted("One red circle.", reasoning="Hm.")) as client,
        sdk(client).stream(model=MODEL, input="What?") as stream,
    ):
        events = [event async for event in stream]
        final = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_item.added") == kinds.count("response.output_item.done") == 2
    assert final.output_text == "One red circle."
    assert [item.type for item in final.output] == ["reasoning", "message"]
    assert final.output[0].content[0].text == "Hm."
    assert final.usage.output_tokens > 0


async def test_an_answer_is_parsed_into_the_callers_type(gateway: Gateway) -> None:
    class Colour(BaseModel):
        colour: str

    engine = scripted('{"colour":"red"}')
    async with gateway(engine) as client:
        reply = await sdk(client).parse(model=MODEL, input="What?", text_format=Colour)
    assert reply.output_parsed == Colour(colour="red")
    assert (engine.seen[0].response_format or {})["json_schema"]["schema"]["required"] == ["colour"]


@pytest.mark.parametrize("stream", [False, True])
async def test_functions_are_called_and_their_outputs_come_back(gateway: Gateway, stream: bool) -> None:
    engine = scripted('{"colour":"red"}')
    asked: dict[str, Any] = {"model": MODEL, "tools": [TOOL], "tool_choice": "required"}
    async with gateway(engine) as client:
        if stream:
            async with sdk(client).stream(**asked, input="Paint.") as events:
                final = await events.get_final_response()
        else:
            final = await sdk(client).create(**asked, input="Paint.")
        (call,) = final.output
        assert (call.type, call.name, call.arguments) == ("function_call", "paint", '{"colour":"red"}')
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "done"}
        turns = [{"role": "user", "content": "Paint."}, call.model_dump(exclude_none=True), output]
        await sdk(client).create(model=MODEL, tools=[TOOL], input=turns)
    assert [message.role for message in engine.seen[1].messages] == ["user", "assistant", "tool"]
    assert engine.seen[1].messages[1].tool_calls[0]["id"] == call.call_id  # type: ignore[index]


async def test_an_answer_that_broke_off_says_why(gateway: Gateway) -> None:
    async with gateway(scripted("one two three")) as client:
        reply = await sdk(client).create(model=MODEL, input="What?", max_output_tokens=2)
    assert (reply.status, reply.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"previous_response_id": "resp_1"}, "nothing is stored"),
        ({"conversation": "conv_1"}, "nothing is stored"),
        ({"background": True}, "at once"),
        ({"tools": [{"type": "web_search"}]}, "must be functions"),
        ({"tool_choice": "required"}, "needs tools"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, r"input\[0\]"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]}, "input_file"),
        ({"input": []}, "input"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "schema"),
    ],
)
async def test_what_needs_a_memory_or_cannot_be_done_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=says):
        await sdk(client).create(**{"model": MODEL, "input": "Hello"} | change)
    with pytest.raises(openai.NotFoundError):
        await sdk(client).create(model="gpt-9", input="Hello")


async def test_a_failure_in_mid_stream_is_raised_by_the_sdk(gateway: Gateway) -> None:
    engine = scripted("one two three")
    engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
    async with gateway(engine) as client:
        stream = await sdk(client).create(model=MODEL, input="Hello", stream=True)
        with pytest.raises(openai.APIError, match="code 2004"):
            [event async for event in stream]
