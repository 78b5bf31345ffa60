"""The task API, as its clients see it."""

import asyncio

import httpx
import pytest

from engine.errors import GenerationFailed
from engine.types import TextPart
from gateway.settings import CacheSettings
from gateway.tasks import TASKS
from tests.conftest import QUICK, Gateway
from tests.events import events
from tests.pictures import square
from tests.scripts import scripted


async def test_an_answer_comes_with_its_confidence_and_metadata(gateway: Gateway) -> None:
    async with gateway(scripted("Two circles.")) as client:
        reply = await client.post(
            "/infer", json={"task": "vqa", "images": [square()], "text": "What is there?"}
        )
    assert reply.status_code == 200
    body = reply.json()
    assert body["request_id"] == reply.headers["x-request-id"]
    assert (body["code"], body["msg"]) == (0, "success")
    result = body["result"]
    assert result["answer"] == "Two circles."
    assert result["confidence"] == pytest.approx(0.9, abs=1e-4)
    metadata = result["metadata"]
    assert metadata["model"] == "qwen3-vl-30b"
    assert metadata["output_tokens"] == 3
    assert metadata["activated_experts"] == 2
    assert metadata["activated_experts_source"] == "config"


async def test_a_stream_has_tokens_in_order_and_then_the_final_answer(gateway: Gateway) -> None:
    async with gateway(scripted("One red circle.")) as client:
        reply = await client.post("/infer_stream", json={"task": "captioning", "images": [square()]})
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    *tokens, final = events(reply.text)
    assert [name for name, _ in tokens] == ["token"] * 4
    assert [data["index"] for _, data in tokens] == [0, 1, 2, 3]
    assert "".join(data["token"] for _, data in tokens) == "One red circle."
    assert final[0] == "final"
    assert final[1]["answer"] == "One red circle."
    assert final[1]["code"] == 0
    assert final[1]["metadata"]["output_tokens"] == 4


async def test_infer_streams_when_the_options_say_so(client: httpx.AsyncClient) -> None:
    body = {"task": "captioning", "images": [square()], "options": {"stream": True}}
    reply = await client.post("/infer", json=body)
    assert events(reply.text)[-1][0] == "final"


async def test_a_chart_comes_back_parsed_beside_its_text(gateway: Gateway) -> None:
    text = '{"type":"bar","title":null,"axes":{"x":null,"y":null},"series":[],"summary":"Empty."}'
    engine = scripted(text)
    async with gateway(engine) as client:
        reply = await client.post("/infer", json={"task": "chart_parse", "images": [square()]})
    result = reply.json()["result"]
    assert result["answer"] == text
    assert result["data"]["type"] == "bar"
    schema = (engine.seen[0].response_format or {})["json_schema"]["schema"]
    assert list(schema["properties"]) == ["type", "title", "axes", "series", "summary"]


async def test_a_chart_that_broke_off_has_no_data(gateway: Gateway) -> None:
    async with gateway(scripted('{"type":"bar"')) as client:
        reply = await client.post("/infer", json={"task": "chart_parse", "images": [square()]})
    assert reply.json()["result"]["data"] is None


async def test_a_document_is_worked_page_by_page_and_then_summed_up(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        pages = [square("red"), square("green"), square("blue")]
        reply = await client.post("/infer_stream", json={"task": "doc_analyze", "images": pages})
    found = events(reply.text)
    progress = [data for name, data in found if name == "progress"]
    assert sorted(data["page"] for data in progress) == [1, 2, 3]
    assert [data["done"] for data in progress] == [1, 2, 3]
    final = found[-1][1]
    assert [page["page"] for page in final["pages"]] == [1, 2, 3]
    assert [len(request.media) for request in engine.seen] == [1, 1, 1, 0]
    assert "Page 3:" in str(engine.seen[-1].messages[-1].content)
    pages_and_summary = sum(len(request.messages) for request in engine.seen)
    assert pages_and_summary == 8
    assert final["metadata"]["input_tokens"] > 3 * 64


async def test_images_given_to_a_video_task_are_the_frames_of_one_video(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        frames = [square("red"), square("green"), square("blue", 32)]
        reply = await client.post("/infer", json={"task": "video_qa", "images": frames})
    assert reply.status_code == 200
    (video,) = engine.seen[0].media
    assert video.kind == "video"
    assert [frame.size for frame in video.frames] == [(64, 64)] * 3
    assert video.timestamps == (0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "system", "language"),
    [
        ("What is this?", "", "en"),
        ("这是什么？", "", "zh"),
        ("", "你是资深财务分析师", "zh"),
        ("What is this?", "你是资深财务分析师", "en"),
    ],
)
async def test_the_prompt_follows_the_language_of_the_user(
    gateway: Gateway, text: str, system: str, language: str
) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        body = {"task": "captioning", "images": [square()], "text": text, "system": system}
        await client.post("/infer", json=body)
    role = str(engine.seen[0].messages[0].content)
    assert role.startswith(system)
    assert ("你为图像撰写说明" in role) == (language == "zh")


async def test_media_come_before_the_question_and_in_the_order_given(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        body = {"task": "vqa", "images": [square("red"), square("blue")], "text": "Which is warmer?"}
        await client.post("/infer", json=body)
    *media, question = engine.seen[0].messages[-1].content or ()
    assert isinstance(question, TextPart)
    assert question.text == "Which is warmer?"
    assert [part.medium.frames[0].getpixel((0, 0)) for part in media] == [(255, 0, 0), (0, 0, 255)]


async def test_options_reach_the_engine_and_the_task_fills_in_the_rest(gateway: Gateway) -> None:
    engine = scripted()
    async with gateway(engine) as client:
        options = {"max_tokens": 7, "temperature": 0.1, "top_p": 0.5, "seed": 3, "stop": ["."]}
        await client.post("/infer", json={"task": "captioning", "images": [square()], "options": options})
        await client.post("/infer", json={"task": "captioning", "images": [square()]})
    given, default = (request.sampling for request in engine.seen)
    assert (given.max_tokens, given.temperature, given.top_p, given.seed, given.stop) == (
        7,
        0.1,
        0.5,
        3,
        ["."],
    )
    assert (default.max_tokens, default.temperature, default.top_p) == (256, 0.7, None)


async def test_a_failure_after_the_first_token_is_an_error_event(gateway: Gateway) -> None:
    engine = scripted("one two three")
    engine.fail_with, engine.fail_after = GenerationFailed("The model failed on this request."), 2
    async with gateway(engine) as client:
        reply = await client.post("/infer_stream", json={"task": "captioning", "images": [square()]})
    assert reply.status_code == 200
    found = events(reply.text)
    assert [name for name, _ in found] == ["token", "token", "error"]
    assert found[-1][1]["code"] == 2004
    assert found[-1][1]["result"] is None


async def test_a_failure_before_the_first_token_keeps_its_status(gateway: Gateway) -> None:
    engine = scripted()
    engine.fail_with = GenerationFailed("The model failed on this request.")
    async with gateway(engine) as client:
        reply = await client.post("/infer_stream", json={"task": "captioning", "images": [square()]})
    assert reply.status_code == 500
    assert reply.json()["code"] == 2004


async def test_an_answer_that_takes_too_long_is_a_timeout(gateway: Gateway) -> None:
    engine = scripted(first_token_delay_ms=5000)
    async with gateway(engine) as client:
        body = {"task": "captioning", "images": [square()], "options": {"timeout_ms": 700}}
        whole = await client.post("/infer", json=body)
        stream = await client.post("/infer_stream", json=body)
    assert (whole.status_code, whole.json()["code"]) == (504, 2003)
    assert (stream.status_code, stream.json()["code"]) == (504, 2003)
    assert len(engine.aborted) == 2


async def test_an_overloaded_engine_is_503_with_retry_after(gateway: Gateway) -> None:
    engine = scripted(max_running=1, first_token_delay_ms=200)
    body = {"task": "captioning", "images": [square()]}
    async with gateway(engine) as client:
        first = client.build_request("POST", "/infer", json=body)
        running = asyncio.create_task(client.send(first))
        while not engine.seen:
            await asyncio.sleep(0)
        refused = await client.post("/infer", json=body, headers={"cache-control": "no-store"})
        assert (await running).status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (503, 2001)
    assert int(refused.headers["retry-after"]) >= 1


async def test_the_tasks_are_listed_with_limits_and_schemas(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/tasks")).json()["tasks"]
    assert [task["name"] for task in listed] == [task.name for task in TASKS]
    by_name = {task["name"]: task for task in listed}
    assert by_name["vqa"]["needs_text"] is True
    assert by_name["chart_parse"]["schema"]["required"] == ["type", "title", "axes", "series", "summary"]
    assert by_name["captioning"]["default_text"]["zh"]


@pytest.mark.parametrize("times", [1, 2], ids=["new", "kept"])
async def test_thoughts_come_apart_from_the_answer(gateway: Gateway, times: int) -> None:
    engine = scripted("Four.", reasoning="Two and two.")
    kept = QUICK.model_copy(update={"cache": CacheSettings()})
    body = {"task": "vqa", "images": [square()], "text": "What?"}
    async with gateway(engine, kept if times == 2 else QUICK) as client:
        for _ in range(times):
            whole = await client.post("/infer", json=body)
            frames = events((await client.post("/infer_stream", json=body)).text)
    result = whole.json()["result"]
    assert (result["reasoning"], result["answer"]) == ("Two and two.", "Four.")
    for kind, text in (("reasoning", "Two and two."), ("token", "Four.")):
        pieces = [data for name, data in frames if name == kind]
        assert "".join(piece["token"] for piece in pieces) == text
        assert pieces[0]["index"] == 0
    assert (frames[-1][1]["reasoning"], frames[-1][1]["answer"]) == ("Two and two.", "Four.")
