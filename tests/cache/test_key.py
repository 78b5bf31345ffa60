"""What has a key in common, and what has not."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.types import ChatRequest, MediaPart, Medium, MediumOptions, Message, Sampling, TextPart
from gateway.cache.key import Origin, answer_key, tenant_scope
from gateway.models import Models, build_models
from gateway.settings import Settings
from gateway.wire import openai
from gateway.wire.base import Intake

TEXTS = st.text(min_size=1, max_size=20)
NAMES = st.text(st.characters(codec="ascii", categories=("Ll",)), min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
SAMPLINGS = st.builds(
    Sampling,
    max_tokens=st.none() | st.integers(1, 4096),
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0.1, 1),
    top_k=st.none() | st.integers(1, 100),
    seed=st.none() | st.integers(0, 2**32),
    stop=st.none() | st.lists(TEXTS, max_size=2),
    logit_bias=st.none() | st.dictionaries(NAMES, st.floats(-100, 100), max_size=3),
)
ORIGINS = st.builds(
    Origin,
    scope=TEXTS.map(tenant_scope),
    revision=TEXTS,
    task=TEXTS,
    prompt_version=TEXTS,
    preparation=TEXTS,
    policy_version=TEXTS,
)
MODELS: Models = build_models(Settings())
INTAKE = Intake("req_1", Settings(), MODELS)


def image(content: bytes) -> Medium:
    return Medium("image", "a source", sha256=hashlib.sha256(content).hexdigest())


def request(text: str, images: list[bytes], sampling: Sampling, schema: Any = None) -> ChatRequest:
    parts = (*(MediaPart(image(content)) for content in images), TextPart(text))
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}} if schema else None
    return ChatRequest(
        id="req_1",
        model="m",
        messages=(Message(role="user", content=parts),),
        sampling=sampling,
        response_format=form,
    )


REQUESTS = st.builds(
    request,
    text=TEXTS,
    images=st.lists(st.binary(min_size=1, max_size=8), min_size=2, max_size=4, unique=True),
    sampling=SAMPLINGS,
    schema=st.none() | st.dictionaries(NAMES, JSON, max_size=4),
)


def shuffled(value: Any, random: random.Random) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        keys = list(value)
        random.shuffle(keys)
        return {key: shuffled(value[key], random) for key in keys}
    if isinstance(value, list):
        return [shuffled(item, random) for item in value]
    return value


@given(TEXTS, st.dictionaries(NAMES, JSON, max_size=4), st.integers(0, 9), st.randoms(use_true_random=False))
def test_reordered_json_keys_hit(text: str, value: dict[str, Any], seed: int, rng: random.Random) -> None:
    schema = {"type": "object", "const": value}
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}],
        "seed": seed,
        "temperature": 0.5,
        "logit_bias": {"1": 1.0, "2": 2.0},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
    }
    origin = Origin(scope="s", revision="r")
    keys = {
        answer_key(openai.parse(json.dumps(variant).encode(), INTAKE)[0].chat, origin)
        for variant in (body, shuffled(body, rng))
    }
    assert len(keys) == 1


@given(REQUESTS, ORIGINS)
def test_the_id_and_the_manner_of_delivery_do_not_matter(one: ChatRequest, origin: Origin) -> None:
    other = msgspec.structs.replace(one, id="req_2", stream=True, priority=3, salt="pepper")
    assert answer_key(one, origin) == answer_key(other, origin)


@given(REQUESTS, ORIGINS)
def test_another_order_of_the_images_misses(one: ChatRequest, origin: Origin) -> None:
    (message,) = one.messages
    *images, text = message.content or ()
    other = msgspec.structs.replace(
        one, messages=(msgspec.structs.replace(message, content=(*reversed(images), text)),)
    )
    assert answer_key(one, origin) != answer_key(other, origin)


@given(REQUESTS, ORIGINS, st.integers(1, 99))
def test_media_prepared_in_another_way_miss(one: ChatRequest, origin: Origin, page: int) -> None:
    key = answer_key(one, origin)
    one.media[0].options = MediumOptions(page=page)
    assert answer_key(one, origin) != key


@given(REQUESTS, ORIGINS, TEXTS)
def test_another_origin_misses(one: ChatRequest, origin: Origin, word: str) -> None:
    key = answer_key(one, origin)
    for field in Origin.__struct_fields__:
        other = msgspec.structs.replace(origin, **{field: getattr(origin, field) + word})
        assert answer_key(one, other) != key, field


@given(st.text(), st.text())
def test_two_tenants_have_two_scopes(one: str, other: str) -> None:
    assert (tenant_scope(one) == tenant_scope(other)) == (one == other)
    assert tenant_scope(one) != "shared"


@given(REQUESTS, ORIGINS, SAMPLINGS)
def test_sampling_decides_the_answer(one: ChatRequest, origin: Origin, sampling: Sampling) -> None:
    other = msgspec.structs.replace(one, sampling=sampling)
    assert (answer_key(one, origin) == answer_key(other, origin)) == (one.sampling == sampling)


def test_every_field_of_sampling_is_in_the_key() -> None:
    plain = request("Hello", [], Sampling())
    changed = {
        "stop": ["x"],
        "logit_bias": {"1": 1.0},
        "logprobs": True,
        "n": 2,
    }
    keys = {answer_key(plain, Origin("s", "r"))}
    for field in Sampling.__struct_fields__:
        sampling = Sampling(**{field: changed.get(field, 1)})
        keys.add(answer_key(request("Hello", [], sampling), Origin("s", "r")))
    assert len(keys) == 1 + len(Sampling.__struct_fields__)


@given(TEXTS, TEXTS)
def test_text_does_not_run_over_from_one_message_into_the_next(one: str, other: str) -> None:
    apart = (Message(role="user", content=one), Message(role="user", content=other))
    joined = (Message(role="user", content=one + other), Message(role="user", content=""))
    keys = {
        answer_key(ChatRequest(id="", model="m", messages=messages), Origin("s", "r"))
        for messages in (apart, joined)
    }
    assert len(keys) == 2


def test_a_plain_text_and_the_same_text_as_a_part_are_one_message() -> None:
    plain = ChatRequest(id="", model="m", messages=(Message(role="user", content="Hi"),))
    part = ChatRequest(id="", model="m", messages=(Message(role="user", content=(TextPart("Hi"),)),))
    assert answer_key(plain, Origin("s", "r")) == answer_key(part, Origin("s", "r"))
