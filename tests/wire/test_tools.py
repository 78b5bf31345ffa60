"""Tool calls on the scripted engine: what reaches a client holds to the tool's schema, in every format."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from engine.types import ChatChunk, Choice
from gateway.call import Event
from gateway.errors import TOOL_ARGUMENTS, GatewayError
from gateway.stages.tool_arguments import judged
from gateway.tool_arguments import NotASchema, Schemas, check_schema
from tests.conftest import QUICK, Gateway
from tests.scripts import scripted
from tests.wire.test_anthropic import sdk as anthropic_sdk

pytestmark = pytest.mark.anyio

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "colour": {"enum": ["red", "blue"]},
        "sizes": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["colour"],
    "additionalProperties": False,
}
FUNCTION = {"name": "paint", "parameters": SCHEMA}
TOOL: Any = {"type": "function", "function": FUNCTION}
HELLO: Any = [{"role": "user", "content": "Hello"}]
ASKED = {"messages": HELLO, "tools": [TOOL], "tool_choice": "required"}
PAINT = Schemas([TOOL])
DASH = "/api/v1/services/aigc/multimodal-generation/generation"
FORMATS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "openai": ("/v1/chat/completions", ASKED, {"stream": True}),
    "responses": (
        "/v1/responses",
        {"input": "Hello", "tools": [{"type": "function", **FUNCTION}], "tool_choice": "required"},
        {"stream": True},
    ),
    "anthropic": (
        "/v1/messages",
        {
            "messages": HELLO,
            "max_tokens": 50,
            "tools": [{"name": "paint", "input_schema": SCHEMA}],
            "tool_choice": {"type": "any"},
        },
        {"stream": True},
    ),
    "gemini": (
        "/v1beta/models/qwen3-vl-30b:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
            "tools": [{"functionDeclarations": [{"name": "paint", "parametersJsonSchema": SCHEMA}]}],
            "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        },
        {},
    ),
    "dashscope": (
        DASH,
        {
            "input": {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]},
            "parameters": {
                "tools": [TOOL],
                "tool_choice": {"type": "function", "function": {"name": "paint"}},
            },
        },
        {},
    ),
}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ('{"colour":"secret"}', "['colour']: The value is not one of"),
        ('{"colour":"red","sizes":[1,"x"]}', "['sizes'][1]: The value is not of type"),
        ("{}", '"colour" is a required property'),
        ("[]", "not of type"),
        ('{"colour":"red","more":1}', "Additional properties"),
        ('{"colour":Infinity}', "not valid JSON"),
        ('{"colour":NaN}', "not valid JSON"),
        ('{"colour":"red"', "not valid JSON"),
        ("", "required property"),
    ],
)
def test_what_is_wrong_with_a_call_is_said_without_its_values(arguments: str, says: str) -> None:
    problem = PAINT.problem("paint", arguments)
    assert problem is not None
    assert says in problem
    assert "secret" not in problem


def test_a_call_that_holds_has_no_problem_and_an_unknown_tool_has_one() -> None:
    assert PAINT.problem("paint", '{"colour":"red","sizes":[1,2]}') is None
    assert Schemas([{"function": {"name": "stop"}}]).problem("stop", "") is None
    assert PAINT.problem("fly", "{}") == "The model called a tool that was not given."


@pytest.mark.parametrize("name", FORMATS)
async def test_a_call_that_does_not_hold_reaches_no_client(gateway: Gateway, name: str) -> None:
    path, body, streamed = FORMATS[name]
    engine = scripted('{"colour":"green"}')
    async with gateway(engine) as client:
        whole = await client.post(path, json=body)
        if name == "gemini":
            path = path.replace("generateContent", "streamGenerateContent") + "?alt=sse"
        headers = {"X-DashScope-SSE": "enable"} if name == "dashscope" else {}
        stream = await client.post(path, json=body | streamed, headers=headers)
    for reply in (whole, stream):
        assert reply.status_code == 500, reply.text
        assert "do not hold to its schema" in reply.text
        assert "(code 2005)" in reply.text
        assert "green" not in reply.text
    assert len(engine.seen) == 2


async def test_the_sdks_raise_their_own_exception_for_it(gateway: Gateway) -> None:
    async with gateway(scripted('{"colour":Infinity}')) as client:
        sdk = openai.AsyncOpenAI(
            base_url="http://gateway/v1", api_key="none", http_client=client, max_retries=0
        )
        with pytest.raises(openai.InternalServerError, match="code 2005"):
            await sdk.chat.completions.create(model="qwen3-vl", **ASKED)
        body = FORMATS["anthropic"][1]
        with pytest.raises(anthropic.InternalServerError, match="code 2005"):
            await anthropic_sdk(client).messages.create(model="qwen3-vl", **body)


async def chunks(*choices: Choice) -> AsyncGenerator[Event, None]:
    for choice in choices:
        yield ChatChunk(id="r", model="m", created=0, choices=(choice,))


def piece(arguments: str, **rest: Any) -> Choice:
    return Choice(tool_calls=[{"index": 0, "function": {"name": "paint", "arguments": arguments}}], **rest)


async def test_pieces_flow_on_and_the_chunk_that_would_end_a_bad_call_never_comes() -> None:
    events = judged(chunks(piece('{"colour":'), piece('"green"}'), Choice(finish_reason="tool_calls")), PAINT)
    assert [await anext(events), await anext(events)]
    with pytest.raises(GatewayError) as refused:
        await anext(events)
    assert refused.value.code == TOOL_ARGUMENTS


async def test_a_call_cut_off_at_its_length_is_the_clients_to_see() -> None:
    events = judged(chunks(piece('{"colour":'), Choice(finish_reason="length")), PAINT)
    assert len([event async for event in events]) == 2


async def test_an_answer_without_a_call_is_no_matter_of_schemas(gateway: Gateway) -> None:
    async with gateway(scripted("Just words.")) as client:
        reply = await client.post("/v1/chat/completions", json=ASKED | {"tool_choice": "auto"})
    assert reply.json()["choices"][0]["message"]["content"] == "Just words."


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nope"},
        {"properties": 3},
        {"pattern": "("},
        {"pattern": "(a{1000}){1000}"},
        {"$ref": "#/nope"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"$schema": "http://127.0.0.1:9/meta"},
        "object",
        5,
    ],
    ids=str,
)
async def test_what_is_no_schema_is_refused_by_its_place_and_nothing_is_fetched(
    client: httpx.AsyncClient, schema: Any
) -> None:
    tool = {"type": "function", "function": {"name": "paint", "parameters": schema}}
    form = {"type": "json_schema", "json_schema": {"name": "c", "schema": schema}}
    body = {"messages": HELLO}
    replies = [
        await client.post("/v1/chat/completions", json=body | change)
        for change in ({"tools": [tool]}, {"response_format": form})
    ]
    assert [reply.status_code for reply in replies] == [400, 400]
    assert replies[0].json()["error"]["param"] == "tools[0].function.parameters"
    assert replies[1].json()["error"]["param"].startswith("response_format.json_schema")


def test_hostile_schemas_cost_little() -> None:
    began = time.monotonic()
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(5000):
        inner["not"] = inner = {}
    with pytest.raises(NotASchema, match="too deep"):
        check_schema(deep)
    slow = {"type": "string", "pattern": "^(a+)+$(?!x)"}
    assert Schemas([{"function": {"name": "p", "parameters": slow}}]).problem("p", f'"{"a" * 4000}!"')
    endless = Schemas([{"function": {"name": "p", "parameters": {"$ref": "#"}}}])
    assert endless.problem("p", "{}") is None
    assert time.monotonic() - began < 1


async def test_a_bad_call_is_not_kept_and_asked_again(gateway: Gateway) -> None:
    engine = scripted('{"colour":"green"}')
    cached = QUICK.model_copy(update={"cache": QUICK.cache.model_copy(update={"url": "embedded"})})
    async with gateway(engine, cached) as client:
        for _ in range(2):
            reply = await client.post("/v1/chat/completions", json=ASKED | {"temperature": 0})
            assert reply.status_code == 500
    assert len(engine.seen) == 2
