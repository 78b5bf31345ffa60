"""Gemini's format as bodies; Google's own SDK has its turn in `tests/clients/`."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.errors import GenerationFailed
from engine.types import TextPart
from tests.conftest import Gateway
from tests.events import events
from tests.pictures import square
from tests.scripts import scripted

PATH = "/v1beta/models/qwen3-vl"
HELLO = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
RED = square("red").partition(",")[2]
URL_SAFE = RED.replace("+", "-").replace("/", "_")


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_an_answer_under_both_versions(gateway: Gateway, version: str) -> None:
    async with gateway(scripted("Hi there.")) as client:
        reply = await client.post(f"/{version}/models/qwen3-vl:generateContent", json=HELLO)
    body = reply.json()
    assert body["candidates"] == [
        {"index": 0, "content": {"role": "model", "parts": [{"text": "Hi there."}]}, "finishReason": "STOP"}
    ]
    assert body["usageMetadata"]["candidatesTokenCount"] == 3
    assert body["modelVersion"] == "qwen3-vl-30b"
    assert body["responseId"] == reply.headers["x-request-id"]


async def test_a_stream_is_data_lines_and_nothing_else(gateway: Gateway) -> None:
    async with gateway(scripted("Hi there.")) as client:
        reply = await client.post(f"{PATH}:streamGenerateContent?alt=sse", json=HELLO)
    assert all(line.startswith("data: {") for line in reply.text.split("\n") if line)
    *chunks, last = [data for _, data in events(reply.text)]
    said = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in chunks]
    assert "".join(said) == "Hi there."
    assert all("finishReason" not in chunk["candidates"][0] for chunk in chunks)
    assert last["candidates"][0]["finishReason"] == "STOP"
    assert last["usageMetadata"]["candidatesTokenCount"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {
            "contents": [
                {"parts": [{"inlineData": {"mimeType": "image/png", "data": RED}}, {"text": "What?"}]}
            ],
            "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
            "generationConfig": {"maxOutputTokens": 7, "topK": 3.0, "stopSequences": ["END"]},
        },
        {
            "contents": [
                {
                    "parts": [
                        {
                            "inline_data": {
                                "mime_type": "image/png",
                                "data": RED.replace("+", "-").replace("/", "_"),
                            }
                        },
                        {"text": "What?"},
                    ]
                }
            ],
            "system_instruction": {"parts": [{"text": "Be brief."}]},
            "generation_config": {"max_output_tokens": 7, "top_k": 3, "stop_sequences": ["END"]},
        },
        {
            "contents": [
                {"parts": [{"inlineData": {"mime_type": "image/png", "data": RED}}, {"text": "What?"}]}
            ],
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "generationConfig": {"max_output_tokens": 7, "topK": 3, "stopSequences": ["END"]},
        },
    ],
    ids=["camel", "snake", "mixed"],
)
async def test_either_case_of_names_says_the_same(gateway: Gateway, body: dict[str, Any]) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        reply = await client.post(f"{PATH}:generateContent", json=body)
    assert reply.status_code == 200
    (seen,) = engine.seen
    assert [message.role for message in seen.messages] == ["system", "user"]
    assert (seen.sampling.max_tokens, seen.sampling.top_k, seen.sampling.stop) == (7, 3, ["END"])
    assert seen.media[0].frames[0].getpixel((0, 0)) == (255, 0, 0)


async def test_googles_schema_becomes_a_json_schema(gateway: Gateway) -> None:
    engine = scripted()
    schema = {
        "type": "OBJECT",
        "properties": {
            "first_name": {"type": "STRING", "nullable": True},
            "ages": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1"},
        },
        "required": ["first_name"],
        "propertyOrdering": ["ages", "first_name"],
    }
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    async with gateway(engine) as client:
        await client.post(f"{PATH}:generateContent", json=HELLO | {"generationConfig": config})
    found = (engine.seen[0].response_format or {})["json_schema"]["schema"]
    assert found == {
        "type": "object",
        "required": ["first_name"],
        "properties": {
            "ages": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "first_name": {"type": ["string", "null"]},
        },
    }
    assert list(found["properties"]) == ["ages", "first_name"]


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_thoughts_come_as_parts_of_their_own_where_asked_for(gateway: Gateway, verb: str) -> None:
    asked = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}
    async with gateway(scripted("Four.", reasoning="Two and two.")) as client:
        with_thoughts = await client.post(f"{PATH}:{verb}", json=HELLO | asked)
        without = await client.post(f"{PATH}:{verb}", json=HELLO)

    def said(reply: httpx.Response, thought: bool) -> str:
        bodies = [data for _, data in events(reply.text)] if "stream" in verb else [reply.json()]
        parts = [part for body in bodies for part in body["candidates"][0]["content"]["parts"]]
        return "".join(part["text"] for part in parts if part.get("thought", False) is thought)

    assert (said(with_thoughts, True), said(with_thoughts, False)) == ("Two and two.", "Four.")
    assert (said(without, True), said(without, False)) == ("", "Four.")


@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent?alt=sse"])
@pytest.mark.parametrize("role", ["user", "function", "tool"])
async def test_a_function_is_called_and_its_result_comes_back(gateway: Gateway, verb: str, role: str) -> None:
    engine = scripted('{"city":"Paris"}')
    tools = [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}]
    must = {"functionCallingConfig": {"mode": "ANY"}}
    turn = [
        {"role": "user", "parts": [{"text": "Weather?"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city_name": "Paris"}}}]},
        {"role": role, "parts": [{"functionResponse": {"name": "weather", "response": {"a_b": 1}}}]},
    ]
    async with gateway(engine) as client:
        reply = await client.post(f"{PATH}:{verb}", json=HELLO | {"tools": tools, "toolConfig": must})
        await client.post(f"{PATH}:{verb}", json={"contents": turn})
    body = events(reply.text)[-1][1] if "stream" in verb else reply.json()
    call = body["candidates"][0]["content"]["parts"][0]["functionCall"]
    assert (call["name"], call["args"]) == ("weather", {"city": "Paris"})
    user, assistant, tool = engine.seen[1].messages
    assert (user.role, assistant.role, tool.role) == ("user", "assistant", "tool")
    assert (assistant.tool_calls or [])[0]["function"]["arguments"] == '{"city_name":"Paris"}'
    assert tool.content == '{"a_b":1}'


async def test_tokens_are_counted_by_the_engine(client: httpx.AsyncClient) -> None:
    reply = await client.post(f"{PATH}:countTokens", json=HELLO)
    assert reply.json()["totalTokens"] > 0
    wrapped = await client.post(f"{PATH}:countTokens", json={"generateContentRequest": HELLO})
    assert wrapped.json() == reply.json()


async def test_models_have_two_shapes_on_one_path(client: httpx.AsyncClient) -> None:
    google = await client.get("/v1/models", headers={"x-goog-api-key": "k"})
    assert [model["name"] for model in google.json()["models"]] == ["models/qwen3-vl-30b", "models/qwen3-vl"]
    assert (await client.get("/v1beta/models")).json() == google.json()
    assert (await client.get("/v1/models")).json()["object"] == "list"
    one = await client.get("/v1beta/models/qwen3-vl")
    assert "generateContent" in one.json()["supportedGenerationMethods"]
    missing = await client.get("/v1/models/gpt-9", headers={"x-goog-api-key": "k"})
    assert missing.json()["error"]["status"] == "NOT_FOUND"


async def test_errors_are_in_googles_shape(gateway: Gateway) -> None:
    engine = scripted("one two three")
    async with gateway(engine) as client:
        bad = await client.post(f"{PATH}:generateContent", json={"contents": []})
        missing = await client.post("/v1/models/gpt-9:generateContent", json=HELLO)
        method = await client.get("/v1beta/models/qwen3-vl:nothing/x")
        engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
        broken = await client.post(f"{PATH}:streamGenerateContent?alt=sse", json=HELLO)
    assert bad.status_code == bad.json()["error"]["code"] == 400
    assert bad.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert "contents" in bad.json()["error"]["message"]
    assert missing.json()["error"]["status"] == method.json()["error"]["status"] == "NOT_FOUND"
    assert broken.text.rstrip().rpartition("\n")[2].startswith('data: {"error":{"code":500')


async def test_a_task_is_reached_by_name_and_by_header(gateway: Gateway) -> None:
    engine = scripted("{}")
    picture = {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": RED}}]}]}
    async with gateway(engine) as client:
        by_name = await client.post("/v1beta/models/qwen3-vl-30b:chart_parse:generateContent", json=picture)
        await client.post(
            f"{PATH}:generateContent",
            json=picture,
            headers={"x-task": "chart_parse", "cache-control": "no-cache"},
        )
        unknown = await client.post(f"{PATH}:generateContent", json=HELLO, headers={"x-task": "nope"})
    assert by_name.status_code == 200
    assert engine.seen[0].messages[0] == engine.seen[1].messages[0]
    assert engine.seen[0].response_format == engine.seen[1].response_format
    assert TextPart("Extract the data of this chart.") in (engine.seen[0].messages[1].content or ())
    assert engine.seen[0].sampling.temperature == 0
    assert "X-Task" in unknown.json()["error"]["message"]


async def test_contents_that_hold_nothing_are_refused(client: httpx.AsyncClient) -> None:
    for contents in ([{}], [{"parts": []}], [{"parts": [{"text": "", "thought": True}]}]):
        reply = await client.post("/v1/models/qwen3-vl:generateContent", json={"contents": contents})
        assert reply.status_code == 400
        assert "neither text nor media" in reply.json()["error"]["message"]


async def test_without_alt_a_stream_is_one_array_that_comes_bit_by_bit(gateway: Gateway) -> None:
    engine = scripted("One red circle.")
    async with gateway(engine) as client:
        reply = await client.post(f"{PATH}:streamGenerateContent", json=HELLO)
        assert reply.headers["content-type"].startswith("application/json")
        pieces = reply.json()
        texts = [part["text"] for piece in pieces for part in piece["candidates"][0]["content"]["parts"]]
        assert "".join(texts) == "One red circle."
        assert len(pieces) > 2
        assert pieces[-1]["usageMetadata"]["candidatesTokenCount"] == 4
        engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
        broken = (await client.post(f"{PATH}:streamGenerateContent", json=HELLO)).json()
    assert broken[-1]["error"]["code"] == 500


async def test_single_objects_stand_for_lists_as_in_googles_own_examples(gateway: Gateway) -> None:
    engine = scripted()
    body = {
        "system_instruction": {"parts": {"text": "Be brief."}},
        "contents": {"parts": {"text": "Hello"}},
        "tools": {"google_search": {}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    }
    async with gateway(engine) as client:
        assert (await client.post(f"{PATH}:generateContent", json=body)).status_code == 200
        wrong = {"mode": "ANY", "allowedFunctionNames": ["sing"]}
        body["tools"] = {"functionDeclarations": {"name": "paint"}}
        config = {"toolConfig": {"functionCallingConfig": wrong}}
        assert (await client.post(f"{PATH}:generateContent", json=body | config)).status_code == 400
    assert [message.role for message in engine.seen[0].messages] == ["system", "user"]


SINGERS = [{"functionDeclarations": [{"name": name} for name in ("paint", "sing", "dance")]}]


@pytest.mark.parametrize(
    ("allowed", "left", "choice"),
    [
        (["sing", "dance"], ["sing", "dance"], "required"),
        (["dance"], ["paint", "sing", "dance"], {"type": "function", "function": {"name": "dance"}}),
        (["sing", "sing"], ["sing"], "required"),
        ([], ["paint", "sing", "dance"], "required"),
    ],
    ids=["two", "one", "twice", "any"],
)
async def test_only_the_allowed_functions_are_chosen_from(
    gateway: Gateway, allowed: list[str], left: list[str], choice: Any
) -> None:
    engine = scripted("{}")
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": allowed}}
    async with gateway(engine) as client:
        await client.post(f"{PATH}:generateContent", json=HELLO | {"tools": SINGERS, "toolConfig": config})
    assert [tool["function"]["name"] for tool in engine.seen[0].tools or ()] == left
    assert engine.seen[0].tool_choice == choice


@pytest.mark.parametrize("allowed", [["cook"], ["sing", "cook"]], ids=["one", "two"])
async def test_an_allowed_function_that_is_not_declared_is_named(
    client: httpx.AsyncClient, allowed: list[str]
) -> None:
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": allowed}}
    reply = await client.post(
        f"{PATH}:generateContent", json=HELLO | {"tools": SINGERS, "toolConfig": config}
    )
    assert reply.status_code == 400
    assert "allowedFunctionNames" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("written", "word"), [('"red\\u00e9"', "redé"), ('"dark red"', "dark red"), ('"dark', "dark")]
)
@pytest.mark.parametrize("verb", ["generateContent", "streamGenerateContent?alt=sse"])
async def test_a_value_of_an_enum_is_a_bare_word(
    gateway: Gateway, verb: str, written: str, word: str
) -> None:
    schema = {"type": "STRING", "enum": [word, "blue"]}
    config = {"responseMimeType": "text/x.enum", "responseSchema": schema}
    engine = scripted(written)
    async with gateway(engine) as client:
        reply = await client.post(f"{PATH}:{verb}", json=HELLO | {"generationConfig": config})
    bodies = [data for _, data in events(reply.text)] if "stream" in verb else [reply.json()]
    parts = [part for body in bodies for part in body["candidates"][0]["content"]["parts"]]
    assert "".join(part["text"] for part in parts) == word
    assert (engine.seen[0].response_format or {})["json_schema"]["schema"]["enum"] == [word, "blue"]


DEEP = {
    "unknown": ('{"a":', '{"x": %s, "contents": {"parts": {"text": "Hello"}}}'),
    "schema": (
        '{"properties":{"a":',
        '{"contents": {"parts": {"text": "Hello"}}, "generationConfig": {"responseSchema": %s}}',
    ),
    "parameters": (
        '{"items":',
        '{"contents": {"parts": {"text": "Hello"}},'
        ' "tools": {"functionDeclarations": {"name": "f", "parameters": %s}}}',
    ),
    "args": (
        '{"a":',
        '{"contents": {"role": "model", "parts": {"functionCall": {"name": "f", "args": %s}}}}',
    ),
}


@pytest.mark.parametrize("depth", [500, 850, 920, 2000])
@pytest.mark.parametrize(("opening", "body"), DEEP.values(), ids=DEEP)
async def test_a_body_that_is_nested_too_deep_is_the_clients_error(
    client: httpx.AsyncClient, opening: str, body: str, depth: int
) -> None:
    content = body % (opening * depth + "{}" + "}" * depth * opening.count("{"))
    for verb in ("generateContent", "countTokens"):
        reply = await client.post(
            f"{PATH}:{verb}", content=content, headers={"content-type": "application/json"}
        )
        if depth > 1000 or reply.status_code != 200:
            assert reply.status_code == 400
            assert reply.json()["error"]["status"] == "INVALID_ARGUMENT"
            assert "(code 1000)" in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {}}, "propertyOrdering": 5},
        {"properties": {"a": {}}, "propertyOrdering": "a"},
        {"properties": {"a": {}}, "propertyOrdering": {"a": 1}},
        {"properties": {"a": {}}, "propertyOrdering": [{}]},
        {"items": {"minItems": "9" * 5000}},
        {"maxLength": "9" * 20},
    ],
    ids=range(6),
)
async def test_a_schema_that_google_would_not_take_either_is_the_clients_error(
    client: httpx.AsyncClient, schema: dict[str, Any]
) -> None:
    tool = {"functionDeclarations": [{"name": "f", "parameters": schema}]}
    for body in ({"generationConfig": {"responseSchema": schema}}, {"tools": [tool]}):
        reply = await client.post(f"{PATH}:generateContent", json=HELLO | body)
        assert reply.status_code == 400, reply.text
        assert "(code 1000)" in reply.json()["error"]["message"]
