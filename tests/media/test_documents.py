"""A PDF through the gateway: its pages, its selection, its refusals, and its progress."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.errors import DOCUMENT_FORMAT, INVALID_REQUEST, TOO_LARGE
from gateway.settings import MediaSettings, Settings
from tests.conftest import Gateway
from tests.events import events
from tests.media.samples import data_url, encoded, encrypted_pdf, pdf, picture

COLOURS = ("red", "lime", "blue", "yellow", "black")


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted"))


@pytest.fixture
async def client(gateway: Gateway, engine: ScriptedEngine) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway(engine) as client:
        yield client


def about(document: bytes, **options: Any) -> dict[str, Any]:
    return {"task": "doc_analyze", "images": [data_url(document, "application/pdf")], "options": options}


async def test_each_page_is_looked_at_and_then_all_of_them(
    client: httpx.AsyncClient, engine: ScriptedEngine
) -> None:
    reply = await client.post("/infer", json=about(pdf(COLOURS[:3])))
    result = reply.json()["result"]
    assert [page["page"] for page in result["pages"]] == [1, 2, 3]
    assert "Page 1" in result["answer"]
    assert "Page 3" in result["answer"]
    pages = [request for request in engine.seen if request.media]
    shown = {request.media[0].frames[0].getpixel((150, 250)) for request in pages}
    assert len(shown) == len(pages) == 3
    assert engine.seen[-1].media == []


async def test_chosen_pages_keep_their_numbers(client: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    reply = await client.post("/infer", json=about(pdf(COLOURS), pages="1-2, 5"))
    result = reply.json()["result"]
    assert [page["page"] for page in result["pages"]] == [1, 2, 5]
    assert "Page 5" in result["answer"]
    assert len(engine.seen) == 4


async def test_a_single_page_needs_no_summary(client: httpx.AsyncClient, engine: ScriptedEngine) -> None:
    reply = await client.post("/infer", json=about(pdf(COLOURS), pages="4"))
    result = reply.json()["result"]
    assert result["pages"] == [{"page": 4, "answer": result["answer"]}]
    assert len(engine.seen) == 1


async def test_a_stream_tells_of_every_page_and_then_the_answer(client: httpx.AsyncClient) -> None:
    reply = await client.post("/infer_stream", json=about(pdf(COLOURS[:3])))
    names, data = zip(*events(reply.text), strict=True)
    assert names[:4] == ("progress", "progress", "progress", "token")
    assert names[-1] == "final"
    assert [event["done"] for event in data[:3]] == [1, 2, 3]
    assert {event["page"] for event in data[:3]} == {1, 2, 3}
    assert [page["page"] for page in data[-1]["pages"]] == [1, 2, 3]


async def test_the_resolution_is_chosen_by_the_request_and_bounded_by_the_model(
    client: httpx.AsyncClient, engine: ScriptedEngine
) -> None:
    document = pdf(("red",), size=(612, 792))
    for dpi, longest in ((72, 792), (144, 1584), (600, 2048)):
        await client.post("/infer", json=about(document, dpi=dpi))
        assert max(engine.seen[-1].media[0].frames[0].size) == pytest.approx(longest, abs=2)


async def test_a_redacted_region_is_in_pixels_of_the_rendered_page(
    client: httpx.AsyncClient, engine: ScriptedEngine
) -> None:
    await client.post("/infer", json=about(pdf(("white",)), dpi=72, redact=[[0, 0, 100, 100]]))
    page = engine.seen[-1].media[0].frames[0]
    assert page.getpixel((50, 50)) == (0, 0, 0)
    assert page.getpixel((150, 200)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("document", "options", "code"),
    [
        (encrypted_pdf(), {}, DOCUMENT_FORMAT),
        (b"%PDF-1.7 and nothing more", {}, DOCUMENT_FORMAT),
        (pdf()[:300], {}, DOCUMENT_FORMAT),
        (pdf(), {"pages": "3"}, INVALID_REQUEST),
        (pdf(), {"pages": "0"}, INVALID_REQUEST),
        (pdf(), {"pages": "2-1"}, INVALID_REQUEST),
        (pdf(), {"pages": "all"}, INVALID_REQUEST),
        (pdf(), {"pages": "1-999999"}, INVALID_REQUEST),
        (pdf(), {"dpi": 5000}, INVALID_REQUEST),
        (pdf(["red"] * 33, (30, 30)), {}, TOO_LARGE),
    ],
    ids=["encrypted", "broken", "cut", "beyond", "zero", "backwards", "words", "many", "dpi", "pages"],
)
async def test_what_cannot_be_read_gets_a_clear_code(
    document: bytes, options: dict[str, Any], code: Any, client: httpx.AsyncClient
) -> None:
    reply = await client.post("/infer", json=about(document, **options))
    assert (reply.status_code, reply.json()["code"]) == (code.status, code.number)
    assert (await client.post("/infer", json=about(pdf(("red",))))).status_code == 200


async def test_a_document_is_sent_alone_and_to_its_own_task(client: httpx.AsyncClient) -> None:
    document = data_url(pdf(), "application/pdf")
    for body in (
        {"task": "doc_analyze", "images": [document, data_url(encoded(picture()))]},
        {"task": "vqa", "text": "?", "images": [document]},
    ):
        reply = await client.post("/infer", json=body)
        assert (reply.status_code, reply.json()["code"]) == (400, INVALID_REQUEST.number)
        assert "PDF" in reply.json()["msg"]


async def test_images_as_pages_work_as_before(client: httpx.AsyncClient) -> None:
    images = [data_url(encoded(picture(colour=colour))) for colour in COLOURS[:2]]
    reply = await client.post("/infer", json={"task": "doc_analyze", "images": images})
    assert [page["page"] for page in reply.json()["result"]["pages"]] == [1, 2]
    reply = await client.post("/infer", json={"task": "doc_analyze", "images": images[:1]})
    assert "pages" not in reply.json()["result"]


async def test_a_page_that_takes_too_long_is_given_up_and_the_next_document_works(gateway: Gateway) -> None:
    hurried = Settings(media=MediaSettings(pdf_timeout_s=0.001))
    async with gateway(settings=hurried) as client:
        reply = await client.post("/infer", json=about(pdf()))
        assert reply.json()["code"] == DOCUMENT_FORMAT.number
        assert "too long" in reply.json()["msg"]
    async with gateway() as client:
        assert (await client.post("/infer", json=about(pdf()))).status_code == 200
