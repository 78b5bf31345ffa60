"""Answers on their way into the store and back."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from engine.types import ChatChunk, ChatRequest, Choice, Message, Usage
from gateway.cache.entry import Entry, encode, seal, unseal
from gateway.cache.memory import Memory
from gateway.cache.replay import replay, whole
from gateway.stream import Reply

TEXTS = st.text(max_size=200)


def entry(text: str = "A cat.", stored: float = 0.0) -> Entry:
    choice = Choice(content=text, finish_reason="stop", logprob_sum=-1.5, token_count=3)
    usage = Usage(prompt_tokens=70, completion_tokens=3)
    return Entry(ChatChunk(id="", model="m", created=1, choices=(choice,), usage=usage), (), stored, 60)


def ask(*, stream: bool) -> ChatRequest:
    return ChatRequest(id="req_2", model="m", messages=(Message(role="user", content="?"),), stream=stream)


@given(TEXTS)
def test_what_is_stored_comes_back(text: str) -> None:
    assert unseal(seal(encode(entry(text)))) == entry(text)


@given(st.data())
def test_a_damaged_value_is_a_miss(data: st.DataObject) -> None:
    value = bytearray(seal(encode(entry("A cat on a mat. " * 20))))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= 1 << data.draw(st.integers(0, 7))
    found = unseal(bytes(value))
    assert found is None or found == entry("A cat on a mat. " * 20)


@given(st.binary(max_size=100))
def test_anything_else_is_a_miss(value: bytes) -> None:
    assert unseal(value) is None
    assert unseal(b"\x01" + value) is None


def test_a_value_of_another_version_is_a_miss() -> None:
    assert unseal(b"\x02" + seal(encode(entry()))[1:]) is None


@given(TEXTS, TEXTS)
def test_a_replayed_stream_says_the_same_token_by_token(content: str, reasoning: str) -> None:
    reply = Reply()
    reply.add(
        ChatChunk(
            id="req_1",
            model="m",
            created=1,
            choices=(Choice(content=content, reasoning=reasoning, finish_reason="stop"),),
            usage=Usage(prompt_tokens=5, completion_tokens=9),
        )
    )
    again = Reply()
    for chunk in replay(whole(reply), ask(stream=True)):
        again.add(chunk)
    assert (again.first.content, again.first.reasoning) == (content, reasoning)
    assert again.first.finish_reason == "stop"
    assert again.usage == Usage(prompt_tokens=5, completion_tokens=9, cached_tokens=5)


def test_words_and_han_signs_are_tokens_of_their_own() -> None:
    chunks = replay(entry("A cat sits. 一只猫").answer, ask(stream=True))
    pieces = [choice.content for chunk in chunks for choice in chunk.choices if choice.content]
    assert pieces == ["A", " cat", " sits", ".", " 一", "只", "猫"]


def test_scored_tokens_are_replayed_one_by_one() -> None:
    tokens = [{"token": token, "logprob": -0.1} for token in ("A", " ca", "t")]
    choice = Choice(content="A cat", finish_reason="stop", logprobs={"content": tokens})
    chunks = list(replay(ChatChunk(id="", model="m", created=1, choices=(choice,)), ask(stream=True)))
    scored = [choice for chunk in chunks for choice in chunk.choices if choice.logprobs]
    assert [choice.content for choice in scored] == ["A", " ca", "t"]
    assert [choice.logprobs for choice in scored] == [{"content": [token]} for token in tokens]


def test_a_whole_reply_is_one_chunk_under_the_new_id() -> None:
    (chunk,) = replay(entry().answer, ask(stream=False))
    assert (chunk.id, chunk.usage) == (
        "req_2",
        Usage(prompt_tokens=70, completion_tokens=3, cached_tokens=70),
    )


def test_the_memory_forgets_by_time_and_by_size() -> None:
    now = [0.0]
    memory = Memory(max_bytes=100, ttl_s=5, clock=lambda: now[0])
    memory.put("a", entry("a"), 40, 60)
    memory.put("b", entry("b"), 40, 60)
    assert memory.get("a") is not None
    memory.put("c", entry("c"), 40, 60)
    assert memory.get("b") is None, "the one used longest ago makes room"
    assert memory.get("a") is not None
    now[0] = 5
    assert memory.get("a") is None
    memory.put("d", entry("d"), 101, 60)
    assert memory.get("d") is None, "larger than everything together"


def test_age_is_never_negative() -> None:
    assert entry(stored=time.time() + 100).age(time.time()) == 0
