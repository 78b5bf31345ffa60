"""Bad requests: a clear 4xx in the caller's own format, with code and field."""

import json
from typing import Any

import httpx
import pytest

from gateway.settings import ServerSettings, Settings
from tests.conftest import Gateway
from tests.pictures import data_url, square

VQA = {"task": "vqa", "images": [square()], "text": "What?"}
CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
PATHS = ("/infer", "/infer_stream", "/v1/chat/completions")


def code_of(reply: httpx.Response) -> int:
    """The business code in either format; checks that the shape is the path's own."""
    body = reply.json()
    if reply.request.url.path.startswith("/v1/"):
        assert set(body["error"]) == {"message", "type", "param", "code"}
        return int(body["error"]["message"].rpartition("(code ")[2].rstrip(")"))
    assert set(body) == {"request_id", "code", "msg", "result"}
    assert body["result"] is None
    return int(body["code"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "The body is empty"),
        (b"   ", "The body is empty"),
        (b"{", "not valid JSON"),
        (b"[]", "Expected `object`"),
        (b"null", "Expected `object`"),
        (b'"text"', "Expected `object`"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": Infinity}', "not valid JSON"),
        (b"\xff\xfe{}", "not valid JSON"),
        (b'{"model": "\xc3"}', "not valid JSON"),
        (b"[" * 100_000, "Expected `object`"),
        (b'{"a":' * 100_000, "not valid JSON"),
    ],
    ids=range(12),
)
async def test_a_body_that_is_not_a_json_object(
    client: httpx.AsyncClient, path: str, body: bytes, says: str
) -> None:
    reply = await client.post(path, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    assert code_of(reply) == 1000
    assert says in reply.text.replace("\\u0060", "`")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"task": "nope"}, "task"),
        ({"task": None}, "task"),
        ({"task": 3}, "task"),
        ({"images": "x"}, "images"),
        ({"images": [3]}, "images[0]"),
        ({"images": []}, "images"),
        ({"images": [square()] * 9}, "images"),
        ({"images": [square()] * 65}, "images"),
        ({"text": ""}, "text"),
        ({"text": " \n"}, "text"),
        ({"text": {}}, "text"),
        ({"text": "x" * 40_000}, "text"),
        ({"system": 1}, "system"),
        ({"options": []}, "options"),
        ({"options": {"max_tokens": -1}}, "options.max_tokens"),
        ({"options": {"max_tokens": 0}}, "options.max_tokens"),
        ({"options": {"max_tokens": 1.5}}, "options.max_tokens"),
        ({"options": {"max_tokens": "5"}}, "options.max_tokens"),
        ({"options": {"max_tokens": 10**30}}, "options.max_tokens"),
        ({"options": {"temperature": -0.1}}, "options.temperature"),
        ({"options": {"temperature": 1e308 * 10}}, ""),
        ({"options": {"top_p": 0}}, "options.top_p"),
        ({"options": {"stop": [""]}}, "options.stop[0]"),
        ({"options": {"stream": "yes"}}, "options.stream"),
        ({"options": {"timeout_ms": 0}}, "options.timeout_ms"),
        ({"video": square(), "task": "captioning"}, "video"),
    ],
    ids=str,
)
async def test_a_wrong_field_is_named(client: httpx.AsyncClient, change: dict[str, Any], field: str) -> None:
    reply = await client.post("/infer", content=json.dumps(VQA | change))
    assert reply.status_code == 400
    assert code_of(reply) == 1000
    assert reply.json()["msg"].startswith(field)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages",
        ),
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"n": 99}, "n"),
        ({"stop": 3}, "stop"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [{}]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": 3}}]}, "tools"),
        ({"tools": TOOLS, "tool_choice": {}}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": "maybe"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"logit_bias": {"1": 1000}}, "logit_bias[...]"),
    ],
    ids=str,
)
async def test_a_wrong_openai_field_is_the_param(
    client: httpx.AsyncClient, change: dict[str, Any], param: str
) -> None:
    reply = await client.post("/v1/chat/completions", json=CHAT | change)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param


TEXT = [{"role": "user", "content": "Hi"}]
HUGE = 10**30


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/infer", {**VQA, "options": {"top_k": HUGE}}),
        ("/v1/chat/completions", {**CHAT, "top_k": HUGE}),
        ("/v1/responses", {"input": "Hi", "top_k": HUGE}),
        ("/v1/messages", {"model": "m", "max_tokens": 9, "messages": TEXT, "top_k": HUGE}),
        (
            "/v1beta/models/m:generateContent",
            {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"topK": 1e30}},
        ),
        (
            "/api/v1/services/aigc/multimodal-generation/generation",
            {"model": "m", "input": {"messages": TEXT}, "parameters": {"top_k": HUGE}},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_number_that_no_engine_can_hold_is_the_clients_error(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    reply = await client.post(path, json=body)
    assert reply.status_code == 400
    assert "top_k" in reply.text or "topK" in reply.text


async def test_an_unknown_model_is_404(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/chat/completions", json=CHAT | {"model": "gpt-9"})
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "model_not_found"
    assert code_of(await client.post("/infer", json=VQA | {"model": "gpt-9"})) == 1006


async def test_a_models_name_may_hold_a_colon(client: httpx.AsyncClient) -> None:
    """Ollama's names do; Gemini's methods alone stand behind one on their paths."""
    named = await client.get("/v1/models/llama3:latest")
    assert (named.status_code, named.json()["error"]["code"]) == (404, "model_not_found")
    for method in ("generateContent", "streamGenerateContent", "countTokens", "embedContent"):
        refused = await client.get(f"/v1/models/llama3:{method}")
        assert isinstance(refused.json()["error"]["code"], int), method


@pytest.mark.parametrize(
    "options",
    ['{"stop": ["\\ud800"]}', '{"x": NaN}', "{", '{"x":' * 2000],
    ids=["surrogate", "nan", "cut", "deep"],
)
async def test_the_options_of_a_form_are_json(client: httpx.AsyncClient, options: str) -> None:
    fields = {"task": "vqa", "text": "What?", "options": options}
    reply = await client.post("/infer", data=fields, files={"images": ("a.png", b"")})
    assert reply.status_code == 400
    assert (code_of(reply), reply.json()["msg"][:8]) == (1000, "options:")


async def test_half_a_character_in_a_form_is_the_clients_error(client: httpx.AsyncClient) -> None:
    form = b'--x\r\ncontent-disposition: form-data; name="text"\r\n\r\n+2AA-\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; charset=utf-7; boundary=x"}
    reply = await client.post("/infer", content=form, headers=kind)
    assert (reply.status_code, code_of(reply)) == (400, 1000)


async def test_unknown_fields_never_break(client: httpx.AsyncClient) -> None:
    assert (await client.post("/infer", json=VQA | {"x": 1, "options": {"y": 2}})).status_code == 200
    assert (await client.post("/v1/chat/completions", json=CHAT | {"user": "me", "x": {}})).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_the_wrong_method_is_405_and_names_the_right_one(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(path)
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"
    assert code_of(reply) == 1008


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded"])
async def test_the_wrong_content_type_is_415(client: httpx.AsyncClient, path: str, kind: str) -> None:
    reply = await client.post(path, content=b"{}", headers={"content-type": kind})
    assert reply.status_code == 415
    assert code_of(reply) == 1009


async def test_a_compressed_body_is_415(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    assert (await client.post("/infer", content=b"x", headers=headers)).status_code == 415


@pytest.mark.parametrize("path", ["/nope", "/v1/nope", "/infer/", "//infer", "/v1/models/nope"])
async def test_an_unknown_path_is_404_in_the_format_of_its_prefix(
    client: httpx.AsyncClient, path: str
) -> None:
    reply = await client.get(f"http://gateway{path}")
    assert reply.status_code == 404
    assert reply.headers["x-request-id"]
    assert reply.headers["content-type"] == "application/json"


async def test_a_body_over_the_limit_is_413_even_when_its_length_is_not_declared(gateway: Gateway) -> None:
    async def chunks() -> Any:
        for _ in range(64):
            yield b" " * 4096

    async with gateway(settings=Settings(server=ServerSettings(max_body_mb=0.1))) as client:
        declared = await client.post("/infer", content=b" " * 200_000)
        streamed = await client.post("/infer", content=chunks())
    for reply in (declared, streamed):
        assert reply.status_code == 413
        assert code_of(reply) == 1003


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("http://127.0.0.1/a.png", 1005),
        ("https://[::1]/a.png", 1005),
        ("file:///etc/passwd", 1005),
        ("data:image/png,raw", 1001),
        ("data:image/png;base64,%%%", 1001),
        ("data:image/png;base64,", 1001),
        ("", 1001),
        (data_url(b"GIF89a" + b"\0" * 64, "image/gif"), 1001),
        (data_url(b"%PDF-1.7", "image/png"), 1000),
        (data_url(b"\x89PNG\r\n\x1a\n" + b"\0" * 64), 1001),
    ],
    ids=range(10),
)
async def test_an_image_that_cannot_be_used(client: httpx.AsyncClient, source: str, code: int) -> None:
    reply = await client.post("/infer", json=VQA | {"images": [source]})
    assert 400 <= reply.status_code < 500
    assert code_of(reply) == code
    content = [{"type": "image_url", "image_url": {"url": source}}]
    reply = await client.post(
        "/v1/chat/completions", json={"messages": [{"role": "user", "content": content}]}
    )
    assert code_of(reply) == code


async def test_a_request_id_is_taken_over_only_when_it_is_well_formed(client: httpx.AsyncClient) -> None:
    kept = await client.get("/health", headers={"x-request-id": "my-id_1.2"})
    assert kept.headers["x-request-id"] == "my-id_1.2"
    for bad in ("a b", "x" * 65, "<script>", ""):
        reply = await client.get("/health", headers={"x-request-id": bad})
        assert reply.headers["x-request-id"].startswith("req_")
