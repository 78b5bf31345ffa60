"""The real server with the embedded engine, asked as its users ask it."""

from __future__ import annotations

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from tests.events import events
from tests.pictures import example
from tests.servers import RunningServer

pytestmark = pytest.mark.engine

GREEDY = {"temperature": 0}


@pytest.fixture
def client(server: RunningServer) -> httpx.Client:
    return server.client()


def infer(client: httpx.Client, **body: object) -> dict[str, object]:
    reply = client.post("/infer", json={"options": GREEDY, **body})
    assert reply.status_code == 200, reply.text
    result: dict[str, object] = reply.json()["result"]
    return result


def test_the_curl_line_that_the_server_prints_answers(server: RunningServer) -> None:
    line = next(line for line in server.log.read_text().splitlines() if line.startswith("curl "))
    output = subprocess.run(["bash", "-c", line], capture_output=True, check=True, text=True, timeout=60)
    reply = json.loads(output.stdout)
    assert reply["code"] == 0
    points = reply["result"]["data"]["series"][0]["points"]
    assert points == [
        {"label": "A", "value": 12},
        {"label": "B", "value": 27},
        {"label": "C", "value": 42},
        {"label": "D", "value": 18},
    ]


def test_the_image_reaches_the_model(client: httpx.Client) -> None:
    answer = infer(client, task="vqa", images=[example("shapes.png")], text="What color is the circle?")
    assert answer["answer"] == "red"
    assert 0.5 < float(str(answer["confidence"])) <= 1
    assert (
        infer(client, task="vqa", images=[example("shapes.png")], text="星形是什么颜色？")["answer"] == "蓝色"
    )


def test_images_are_seen_in_their_order(client: httpx.Client) -> None:
    first, second = example("two-a.png"), example("two-b.png")
    question = "Which image has more shapes?"
    one = infer(client, task="vqa", images=[first, second], text=question)["answer"]
    other = infer(client, task="vqa", images=[second, first], text=question)["answer"]
    assert {one, other} == {"The first image.", "The second image."}


def test_a_clip_is_seen_in_time_order(client: httpx.Client) -> None:
    answer = infer(client, task="video_qa", video=example("motion.mp4", "video/mp4"))["answer"]
    assert "right" in str(answer)


def test_a_stream_says_the_same_as_the_whole_answer(client: httpx.Client) -> None:
    body = {"task": "captioning", "images": [example("shapes.png")], "options": GREEDY}
    whole = client.post("/infer", json=body).json()["result"]
    streamed = events(client.post("/infer_stream", json=body).text)
    tokens = "".join(data["token"] for name, data in streamed if name == "token")
    assert tokens == whole["answer"]
    final = streamed[-1][1]
    assert final["answer"] == whole["answer"]
    assert final["confidence"] == pytest.approx(whole["confidence"], abs=0.02)
    assert final["metadata"]["input_tokens"] == whole["metadata"]["input_tokens"]
    assert final["metadata"]["activated_experts_source"] == "config"


def test_the_openai_sdk_works_by_changing_the_address(server: RunningServer) -> None:
    sdk = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
    content = [
        {"type": "image_url", "image_url": {"url": example("shapes.png")}},
        {"type": "text", "text": "What color is the circle?"},
    ]
    messages = [{"role": "user", "content": content}]
    whole = sdk.chat.completions.create(model="qwen3-vl-30b", messages=messages, temperature=0)  # type: ignore[arg-type]
    assert whole.choices[0].message.content == "red"
    stream = sdk.chat.completions.create(
        model="qwen3-vl-30b",
        messages=messages,  # type: ignore[arg-type]
        temperature=0,
        stream=True,
        logprobs=True,
        top_logprobs=2,
    )
    chunks = [chunk for chunk in stream if chunk.choices]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "red"
    tokens = [
        token
        for chunk in chunks
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content or []
    ]
    assert len(tokens[0].top_logprobs) == 2


def test_a_schema_holds_the_answer(server: RunningServer) -> None:
    sdk = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "blue"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    reply = sdk.chat.completions.create(
        model="qwen3-vl-30b",
        messages=[{"role": "user", "content": "red"}],
        response_format={"type": "json_schema", "json_schema": {"name": "c", "schema": schema}},
        max_tokens=40,
    )
    assert json.loads(reply.choices[0].message.content or "")["colour"] in ("red", "blue")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_what_must_be_called_is_called_as_its_schema_says(client: httpx.Client, stream: bool) -> None:
    """The demo model knows no tools, and nobody asks for `strict`: it is the engine that holds it to them."""
    schema = {
        "type": "object",
        "properties": {
            "colour": {"enum": ["red", "blue"]},
            "names": {
                "type": "array",
                "items": {"type": "string", "maxLength": 4},
                "minItems": 1,
                "maxItems": 2,
            },
        },
        "required": ["colour", "names"],
    }
    url = {"url": example("shapes.png")}
    content = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What color is the circle?"}]
    body = {
        "messages": [{"role": "user", "content": content}],
        "tools": [{"type": "function", "function": {"name": "paint", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "paint"}},
        "temperature": 0,
        "max_tokens": 400,
        "stream": stream,
    }
    reply = client.post("/v1/chat/completions", json=body)
    frames = [data for _, data in events(reply.text) if data != "[DONE]"] if stream else [reply.json()]
    said = [choice.get("delta") or choice["message"] for frame in frames for choice in frame["choices"]]
    functions = [call["function"] for message in said for call in message.get("tool_calls") or ()]
    assert functions[0]["name"] == "paint"
    arguments = json.loads("".join(function.get("arguments") or "" for function in functions))
    assert arguments["colour"] in ("red", "blue")
    assert 1 <= len(arguments["names"]) <= 2


def test_control_tokens_in_a_text_stay_text(client: httpx.Client) -> None:
    plain = {"messages": [{"role": "user", "content": "x <| im_start|> y"}], "max_tokens": 1}
    hostile = {"messages": [{"role": "user", "content": "x <|im_start|> y <|image_pad|>"}], "max_tokens": 1}
    for body in (plain, hostile):
        assert client.post("/v1/chat/completions", json=body).status_code == 200
    sizes = [
        client.post("/v1/chat/completions", json=body).json()["usage"]["prompt_tokens"]
        for body in (plain, hostile)
    ]
    assert sizes[1] > sizes[0]


def test_a_prompt_over_the_context_is_refused_with_the_limit(client: httpx.Client) -> None:
    reply = client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": "hello " * 9000}]}
    )
    assert reply.status_code == 400
    assert "maximum context length is 4096 tokens" in reply.json()["error"]["message"]
    assert reply.json()["error"]["code"] == "context_length_exceeded"


def test_what_is_too_deep_for_the_engine_is_the_clients_error(client: httpx.Client) -> None:
    deep: dict[str, object] = {}
    for _ in range(700):
        deep = {"x": deep}
    function = {"name": "f", "arguments": "[" * 100_000}
    for call in (deep, {"id": "1", "type": "function", "function": function}):
        messages = [{"role": "assistant", "tool_calls": [call]}, {"role": "user", "content": "hi"}]
        reply = client.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 2})
        assert reply.status_code == 400, reply.text


@pytest.mark.parametrize(
    "schema",
    [{"type": "nonsense"}, {"$ref": "#/nowhere"}, {"type": "string", "pattern": "("}],
    ids=str,
)
def test_a_schema_that_cannot_be_held_to_is_refused(client: httpx.Client, schema: dict[str, str]) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"messages": [{"role": "user", "content": "hi"}], "response_format": form, "max_tokens": 5}
    assert client.post("/v1/chat/completions", json=body).status_code == 400
    assert client.get("/ready").status_code == 200


def running(client: httpx.Client) -> int:
    """Requests that hold a slot, by the engine's own figures."""
    (model,) = client.get("/ready").json()["models"].values()
    return int(model["running"])


LONG = {
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 3500,
    "temperature": 1,
    "logit_bias": {"2": -100},
}


@pytest.mark.parametrize("stream", [True, False], ids=["mid-stream", "while it waits"])
def test_a_client_that_leaves_frees_its_slot_within_a_second(server: RunningServer, stream: bool) -> None:
    with server.client() as client:
        leaver = server.client()
        if stream:
            with leaver.stream("POST", "/v1/chat/completions", json=LONG | {"stream": True}) as reply:
                next(reply.iter_lines())
                until(lambda: running(client) == 1)
        else:
            with pytest.raises(httpx.ReadTimeout):
                leaver.post("/v1/chat/completions", json=LONG, timeout=0.5)
        left = time.monotonic()
        leaver.close()
        until(lambda: running(client) == 0)
        assert time.monotonic() - left < 1


def until(condition: object, limit: float = 10) -> None:
    deadline = time.monotonic() + limit
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen in time"


def test_sixteen_at_once_are_all_answered(client: httpx.Client) -> None:
    def ask(number: int) -> object:
        return infer(client, task="vqa", images=[example("shapes.png")], text="What color is the star?")[
            "answer"
        ]

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(16))) == {"blue"}


def test_metrics_hold_the_engines_own_beside_the_gateways(client: httpx.Client) -> None:
    text = client.get("/metrics").text
    assert 'gateway_requests_total{code="0"' in text
    assert "vllm:num_requests_running" in text
