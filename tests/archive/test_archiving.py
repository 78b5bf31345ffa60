"""What is archived of a request, and what is not."""

from __future__ import annotations

import base64
import io
import json
from hashlib import sha256

import httpx
import pytest
from PIL import Image

from gateway.archive import places
from gateway.settings import ArchiveSettings, CacheSettings, SafetySettings, StateSettings
from tests.archive.conftest import Kept, archiving, ask
from tests.conftest import QUICK, scripted_gateway
from tests.pictures import example, square
from tests.scripts import scripted

pytestmark = pytest.mark.anyio


def bytes_of(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


async def test_an_answer_is_kept_with_its_picture_and_where_it_came_from(archive: ArchiveSettings) -> None:
    async with archiving(archive) as client:
        reply = await ask(client, square("red"), "What is it?", options={"temperature": 0, "max_tokens": 32})
    kept = Kept(archive)
    (record,) = await kept.records()
    result = await kept.result(record)
    picture = bytes_of(square("red"))
    digest = sha256(picture).hexdigest()
    assert record.request_id == reply.json()["request_id"]
    assert (record.tenant, record.key, record.wire, record.task, record.lane) == (
        "local",
        "local",
        "tasks",
        "vqa",
        "interactive",
    )
    assert (record.model, record.answered_by) == ("qwen3-vl-30b", "qwen3-vl-30b")
    assert record.revision
    assert record.prompt_version == "1"
    assert record.policy_version
    assert record.media == record.originals == [digest]
    assert record.confidence == pytest.approx(reply.json()["result"]["confidence"], abs=1e-3)
    assert await kept.original("local", digest) == picture
    assert result.answer == "A red square."
    assert result.question == "What is it?"
    assert result.messages[0]["role"] == "system"
    assert result.messages[1]["content"][0] == {"type": "image", "medium": 0}
    assert result.sampling["max_tokens"] == 32
    assert record.result == sha256(await kept.store.get(await one(kept, places.RESULTS)) or b"").hexdigest()


async def one(kept: Kept, kind: str) -> str:
    (path,) = [path for path in await kept.paths() if f"/{kind}/" in path]
    return path


async def test_every_format_is_archived_streamed_or_not(archive: ArchiveSettings) -> None:
    picture = square("red")
    parts = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": "Which?"}]
    chat = {"messages": [{"role": "user", "content": parts}]}
    data = picture.partition(",")[2]
    gemini = {"parts": [{"inlineData": {"data": data, "mimeType": "image/png"}}, {"text": "Which?"}]}
    source = {"type": "base64", "media_type": "image/png", "data": data}
    anthropic = [{"type": "image", "source": source}, {"type": "text", "text": "Which?"}]
    messages = {
        "model": "qwen3-vl-30b",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": anthropic}],
    }
    simple = {"input_type": "text_image", "text": "Which?", "image_base64": data}
    async with archiving(archive) as client:
        replies = [
            await client.post("/infer_stream", json={"task": "vqa", "images": [picture], "text": "Which?"}),
            await client.post("/v1/chat/completions", json=chat),
            await client.post("/v1/chat/completions", json=chat | {"stream": True}),
            await client.post("/v1/models/qwen3-vl-30b:generateContent", json={"contents": [gemini]}),
            await client.post("/v1/messages", json=messages),
            await client.post("/v1/chat", json=simple),
        ]
    assert [reply.status_code for reply in replies] == [200] * 6
    kept = Kept(archive)
    records = await kept.records()
    assert [r.wire for r in records] == ["tasks", "openai", "openai", "gemini", "anthropic", "simple"]
    assert [r.stream for r in records] == [True, False, True, False, False, False]
    assert {(await kept.result(record)).question for record in records} == {"Which?"}
    assert len([path for path in await kept.paths() if f"/{places.ORIGINALS}/" in path]) == 1


async def test_the_same_again_is_one_more_line_and_nothing_else(archive: ArchiveSettings) -> None:
    async with archiving(archive, cache=CacheSettings(url="embedded")) as client:
        for _ in range(3):
            await ask(client, square("red"))
    kept = Kept(archive)
    records = await kept.records()
    assert [record.cache for record in records] == ["miss", "hit", "hit"]
    assert len({record.result for record in records}) == 1
    assert len([path for path in await kept.paths() if f"/{places.RECORDS}/" not in path]) == 2


async def test_a_document_is_kept_whole_with_what_was_said_of_its_pages(tmp_path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    async with archiving(archive, scripted("Page text.")) as client:
        reply = await client.post(
            "/infer", json={"task": "doc_analyze", "images": [example("report.pdf", "application/pdf")]}
        )
    assert reply.json()["code"] == 0
    kept = Kept(archive)
    (record,) = await kept.records()
    result = await kept.result(record)
    assert result.media[0].kind == "document"
    assert [page.page for page in result.pages] == list(range(1, len(result.pages) + 1))
    assert await kept.original("local", record.originals[0]) == bytes_of(example("report.pdf"))


async def test_what_is_refused_or_broken_off_is_not_kept(tmp_path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    policy = SafetySettings(classify_images=False, terms=["forbidden"])
    async with archiving(archive, scripted("This is forbidden."), safety=policy) as client:
        refused = [
            await ask(client, square("red"), "Say something."),
            await ask(client, square("red"), "The forbidden word?"),
            await client.post(
                "/infer_stream", json={"task": "vqa", "images": [square("red")], "text": "Say something."}
            ),
            await ask(client, "data:image/png;base64,AAAA"),
        ]
    assert [reply.json()["code"] for reply in (refused[0], refused[1], refused[3])] == [3001, 3001, 1001]
    assert await Kept(archive).paths() == []


async def test_a_request_may_stay_out_unless_the_operator_says_otherwise(tmp_path) -> None:
    for opt_out, number in ((True, 0), (False, 1)):
        archive = ArchiveSettings(url=str(tmp_path / f"archive-{number}"), opt_out=opt_out)
        async with archiving(archive) as client:
            await ask(client, square("red"), headers={"cache-control": "no-store"})
        assert len(await Kept(archive).records()) == number


async def test_only_the_tenants_that_are_named_are_archived(tmp_path) -> None:
    for tenants, number in ((["acme"], 0), (["local"], 1)):
        archive = ArchiveSettings(url=str(tmp_path / f"archive-{number}"), tenants=tenants)
        async with archiving(archive) as client:
            await ask(client, square("red"))
        assert len(await Kept(archive).records()) == number


async def test_personal_data_is_masked_as_it_was_in_the_answer(tmp_path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    async with archiving(archive, scripted("Call 13812345678.")) as client:
        reply = await ask(client, square("red"), "Is 13987654321 his?", options={"mask_pii": True})
    kept = Kept(archive)
    (record,) = await kept.records()
    result = await kept.result(record)
    assert record.masked
    assert result.answer == reply.json()["result"]["answer"] == "Call 138******78."
    everything = b"".join([await kept.store.get(path) or b"" for path in await kept.paths()])
    assert b"13812345678" not in everything
    assert b"13987654321" not in everything


async def test_of_a_blackened_picture_only_the_blackened_one_is_kept(tmp_path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    async with archiving(archive) as client:
        await ask(client, square("red"), options={"redact": [[0, 0, 31, 63]]})
    kept = Kept(archive)
    (record,) = await kept.records()
    assert record.media == [sha256(bytes_of(square("red"))).hexdigest()]
    assert record.originals != record.media
    picture = Image.open(io.BytesIO(await kept.original("local", record.originals[0]) or b""))
    assert (picture.getpixel((5, 5)), picture.getpixel((60, 60))) == ((0, 0, 0), (255, 0, 0))
    assert await kept.original("local", record.media[0]) is None


async def test_jobs_and_lines_of_batches_are_archived_too(tmp_path) -> None:
    archive = ArchiveSettings(url=str(tmp_path / "archive"))
    body = {"model": "qwen3-vl-30b", "messages": [{"role": "user", "content": "A line?"}]}
    lines = [
        json.dumps({"custom_id": str(n), "method": "POST", "url": "/v1/chat/completions", "body": body})
        for n in range(3)
    ]
    async with archiving(archive, state=StateSettings()) as client:
        job = await client.post("/v1/jobs", json={"task": "vqa", "images": [square("red")], "text": "A job?"})
        await client.get(f"/v1/jobs/{job.json()['id']}?wait=20")
        file = await client.post(
            "/v1/files", files={"file": ("in.jsonl", "\n".join(lines).encode())}, data={"purpose": "batch"}
        )
        order = {
            "input_file_id": file.json()["id"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }
        batch = await client.post("/v1/batches", json=order)
        await ended(client, batch.json()["id"])
    records = await Kept(archive).records()
    assert sorted(record.wire for record in records) == ["openai", "openai", "openai", "tasks"]
    assert {record.lane for record in records} == {"batch"}
    assert records[0].request_id.startswith(job.json()["id"])


async def ended(client: httpx.AsyncClient, batch: str) -> None:
    while (await client.get(f"/v1/batches/{batch}")).json()["status"] != "completed":
        pass


async def test_without_the_setting_nothing_is_kept(tmp_path) -> None:
    async with scripted_gateway(scripted("A red square."), QUICK) as client:
        await ask(client, square("red"))
        metrics = (await client.get("/metrics")).text
    assert "gateway_archive_records_total 0.0" in metrics
    assert not (tmp_path / "data-home" / "qwen-vl-gateway" / "archive").exists()
