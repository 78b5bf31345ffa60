"""Every source × format × limit and its code: the table of `docs/media.md`, a row a test."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from engine.config import ScriptedConfig
from engine.scripted import ScriptedEngine
from gateway.errors import (
    ADDRESS_REFUSED,
    CODES,
    FETCH_FAILED,
    FILE_NOT_FOUND,
    IMAGE_FORMAT,
    INVALID_REQUEST,
    SUCCESS,
    TOO_LARGE,
    Code,
)
from gateway.settings import BucketSettings, FetchSettings, MediaSettings, Settings
from tests.conftest import Gateway
from tests.media.samples import bomb, data_url, encoded, encrypted_pdf, noise, pdf, picture, silence, video
from tests.media.site import Site, site

LIMITS = MediaSettings(
    max_image_mb=0.1,
    max_pdf_mb=0.2,
    max_video_mb=0.3,
    max_request_mb=0.5,
    max_items=8,
    max_pages=4,
    max_pixels_m=1,
)

FILES: dict[str, bytes] = {
    "JPEG": encoded(form="JPEG"),
    "PNG": encoded(),
    "WebP": encoded(form="WEBP"),
    "GIF": encoded(form="GIF"),
    "BMP": encoded(form="BMP"),
    "TIFF": encoded(form="TIFF"),
    "HEIC": b"\0\0\0\x18ftypheic" + b"\0" * 40,
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "web page": b"<!DOCTYPE html><html></html>",
    "text": b"not a picture",
    "PNG, cut off": encoded(noise((90, 90)))[:5000],
    "PNG, 10 × 3000 pixels": encoded(Image.new("RGB", (10, 3000))),
    "PNG over 10 MB": encoded(noise((300, 300))),
    "PNG over 40 megapixels": bomb(2000),
    "PDF": pdf(),
    "PDF, encrypted": encrypted_pdf(),
    "PDF, broken": b"%PDF-1.4 broken",
    "PDF over 40 MB": pdf() + b"\n%" * 100_000,
    "PDF over 32 pages": pdf(["red"] * 5, (30, 30)),
    "MP4": video(0.5),
    "WebM": video(0.5, form="webm", codec="libvpx"),
    "MOV": video(0.5, form="mov"),
    "MP4 over 30 seconds": video(31, fps=2),
    "MP4 over 40 MB": video(0.5) + b"\0" * 300_000,
    "MP4, broken": b"\0\0\0\x20ftypisom" + b"\0" * 50,
    "MP4 without pictures": silence(),
}
"""The files of the documented table; the limits that some are over are `LIMITS` here."""
TASKS = {"image": "vqa", "document": "doc_analyze", "video": "video_qa"}
ROW = re.compile(r"^\| ([^|]+) \| (image|document|video) \| (\d+) \|$", re.MULTILINE)
TABLE = ROW.findall(Path(__file__).parents[2].joinpath("docs/media.md").read_text(encoding="utf-8"))
SOURCES = ("data", "base64", "url", "file", "form", "bucket")


class Sender:
    """Brings a file to the gateway by each source."""

    def __init__(self, client: httpx.AsyncClient, host: Site) -> None:
        self.client = client
        self._host = host

    async def ask(self, source: str, data: bytes, **body: Any) -> httpx.Response:
        body = {"task": "vqa", "text": "?"} | body
        field = "video" if body["task"] == "video_qa" else "images"
        if source == "form":
            return await self.client.post("/infer", data=body, files={field: ("x.png", data)})
        if source == "file":
            reply = await self.client.post("/v1/files", files={"file": ("x", data)})
            if reply.status_code != 200:
                number = int(reply.json()["error"]["message"].rpartition("code ")[2][:-1])
                return httpx.Response(reply.status_code, json={"code": number})
            named = reply.json()["id"]
        else:
            named = self._name(source, data)
        return await self.client.post("/infer", json=body | {field: named if field == "video" else [named]})

    def _name(self, source: str, data: bytes) -> str:
        if source == "data":
            return data_url(data)
        if source == "base64":
            return base64.b64encode(data).decode()
        path = "/bucket/x.png" if source == "bucket" else "/x"
        dated = {"last-modified": "Sat, 21 Nov 2026 00:00:00 GMT", "etag": '"1"'}
        self._host.pages[path] = (200, dated, data)
        return "s3://bucket/x.png" if source == "bucket" else f"http://127.0.0.1:{self._host.port}/x"


@pytest.fixture
async def sender(gateway: Gateway) -> AsyncIterator[Sender]:
    async with site() as host:
        buckets = {"bucket": BucketSettings(endpoint=f"http://127.0.0.1:{host.port}")}
        settings = Settings(
            media=LIMITS.model_copy(update={"buckets": buckets}),
            fetch=FetchSettings(private_networks=["127.0.0.0/8"], ports=[], keep_mb=0),
        )
        async with gateway(settings=settings) as client:
            yield Sender(client, host)


def code_of(reply: httpx.Response) -> tuple[int, int]:
    return reply.status_code, reply.json()["code"]


@pytest.mark.parametrize("source", SOURCES)
async def test_every_row_of_the_documented_table(source: str, sender: Sender) -> None:
    assert {name for name, _, _ in TABLE} == set(FILES)
    for name, kind, number in TABLE:
        reply = await sender.ask(source, FILES[name], task=TASKS[kind])
        status = next(code.status for code in CODES if code.number == int(number))
        assert code_of(reply) == (status, int(number)), (name, kind)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", IMAGE_FORMAT),
        ("data:image/png;base64,", IMAGE_FORMAT),
        ("data:image/png,abc", IMAGE_FORMAT),
        ("data:image/png;base64,@@@@", IMAGE_FORMAT),
        ("%%%", IMAGE_FORMAT),
        ("file-000000000000000000000000", FILE_NOT_FOUND),
        ("file:///etc/passwd", ADDRESS_REFUSED),
        ("ftp://127.0.0.1/x", ADDRESS_REFUSED),
        ("upload:0", ADDRESS_REFUSED),
        ("s3://other/x", ADDRESS_REFUSED),
        ("oss://other/x", ADDRESS_REFUSED),
        ("s3://bucket/missing", FETCH_FAILED),
        ("/etc/passwd", IMAGE_FORMAT),
    ],
)
async def test_what_names_nothing_gets_a_clear_code(source: str, code: Code, sender: Sender) -> None:
    reply = await sender.client.post("/infer", json={"task": "vqa", "text": "?", "images": [source]})
    assert code_of(reply) == (code.status, code.number)
    assert "passwd" not in reply.text


async def test_base64_may_be_url_safe_broken_into_lines_and_without_its_end(sender: Sender) -> None:
    data = encoded(noise((40, 40)))
    for text in (
        base64.urlsafe_b64encode(data).decode(),
        base64.encodebytes(data).decode(),
        base64.b64encode(data).decode().rstrip("="),
    ):
        for source in (text, f"data:image/png;base64,{text}", f"DATA:image/png;charset=x;BASE64,{text}"):
            body = {"task": "vqa", "text": "?", "images": [source]}
            assert (await sender.client.post("/infer", json=body)).status_code == 200


async def test_the_media_of_a_request_have_limits_together(sender: Sender) -> None:
    each = [data_url(encoded(noise((160, 160), seed))) for seed in range(7)]  # 77 kB apiece
    for images, code in ((each, TOO_LARGE), (each[:5], SUCCESS), ([data_url(encoded())] * 9, TOO_LARGE)):
        reply = await sender.client.post("/infer", json={"task": "doc_analyze", "images": images})
        assert code_of(reply) == (code.status, code.number)


async def test_the_pixels_of_a_request_have_a_limit_together(gateway: Gateway) -> None:
    settings = Settings(media=MediaSettings(max_request_pixels_m=1))
    async with gateway(settings=settings) as client:
        images = [data_url(encoded(picture((600, 600), colour))) for colour in ("red", "blue", "green")]
        for count, code in ((3, TOO_LARGE), (2, SUCCESS)):
            body = {"task": "vqa", "text": "?", "images": images[:count]}
            assert code_of(await client.post("/infer", json=body)) == (code.status, code.number)


async def test_the_openai_format_uses_the_same_door(sender: Sender) -> None:
    for url, status in (
        (data_url(encoded()), 200),
        ("http://10.0.0.1/x", 400),
        (data_url(encoded(form="GIF")), 400),
    ):
        content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "?"}]
        body = {"messages": [{"role": "user", "content": content}]}
        assert (await sender.client.post("/v1/chat/completions", json=body)).status_code == status


async def test_the_same_address_is_fetched_once_a_request(gateway: Gateway) -> None:
    async with site({"/x": (200, {}, encoded())}) as host:
        fetch = FetchSettings(private_networks=["127.0.0.0/8"], ports=[])
        async with gateway(settings=Settings(fetch=fetch)) as client:
            body = {"task": "vqa", "text": "?", "images": [f"http://127.0.0.1:{host.port}/x"] * 3}
            assert (await client.post("/infer", json=body)).status_code == 200
        assert len(host.asked) == 1


async def test_a_form_carries_files_and_fields(gateway: Gateway) -> None:
    engine = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted"))
    async with gateway(engine) as client:
        files = [("images", ("a.png", encoded(picture(colour="red")))), ("images", ("b.png", encoded()))]
        fields = {"task": "vqa", "text": "Which?", "options": json.dumps({"max_tokens": 7})}
        reply = await client.post("/infer", data=fields, files=files)
        assert reply.status_code == 200
        assert len(engine.seen[0].media) == 2
        assert engine.seen[0].sampling.max_tokens == 7
        for broken in ({"options": "{"}, {"options": '{"max_tokens": "x"}'}, {"task": "nothing"}):
            reply = await client.post("/infer", data=fields | broken, files=files)
            assert code_of(reply) == (400, INVALID_REQUEST.number)
        head = {"content-type": "multipart/form-data; boundary=x"}
        for body in (b"", b"--x\r\n", b"--y\r\nnothing"):
            assert (await client.post("/infer", content=body, headers=head)).status_code == 400


async def test_an_uploaded_file_is_listed_described_and_deleted(gateway: Gateway) -> None:
    async with gateway() as client:
        file = (await client.post("/v1/files", files={"file": ("a.png", encoded())})).json()
        assert file["object"] == "file"
        assert file["bytes"] == len(encoded())
        assert (await client.get(f"/v1/files/{file['id']}")).json() == file
        assert (await client.get("/v1/files")).json()["data"] == [file]
        assert (await client.delete(f"/v1/files/{file['id']}")).json()["deleted"] is True
        assert (await client.get(f"/v1/files/{file['id']}")).status_code == FILE_NOT_FOUND.status
        assert (await client.get("/v1/files/..%2F..%2Fetc")).status_code == 404


async def test_uploads_have_limits_and_must_be_forms(gateway: Gateway) -> None:
    settings = Settings(
        media=MediaSettings(max_files_mb=0.01, max_image_mb=0.02, max_video_mb=0.02, max_pdf_mb=0.02)
    )
    async with gateway(settings=settings) as client:
        send = {"files": {"file": ("a", b"x" * 9000)}}
        assert (await client.post("/v1/files", **send)).status_code == 200
        assert (await client.post("/v1/files", **send)).status_code == 413
        assert (await client.post("/v1/files", files={"file": ("a", b"x" * 30_000)})).status_code == 413
        assert (await client.post("/v1/files", files={"other": ("a", b"x")})).status_code == 400
        assert (await client.post("/v1/files", json={})).status_code == 415


async def test_a_bucket_is_for_the_tenants_that_it_names(gateway: Gateway) -> None:
    async with site(
        {"/mine/a%20b.png": (200, {"last-modified": "Sat, 21 Nov 2026 00:00:00 GMT"}, encoded())}
    ) as host:
        endpoint = f"http://127.0.0.1:{host.port}"
        buckets = {
            "mine": BucketSettings(endpoint=endpoint, tenants=["local"]),
            "theirs": BucketSettings(endpoint=endpoint, tenants=["other"]),
        }
        async with gateway(settings=Settings(media=MediaSettings(buckets=buckets))) as client:
            for address, status in (("oss://mine/a%20b.png", 200), ("oss://theirs/a.png", 400)):
                body = {"task": "vqa", "text": "?", "images": [address]}
                assert (await client.post("/infer", json=body)).status_code == status
        assert len(host.asked) == 1


async def test_requests_at_the_same_time_do_not_mix_their_media(gateway: Gateway) -> None:
    engine = ScriptedEngine("qwen3-vl-30b", ScriptedConfig(kind="scripted"))
    async with gateway(engine) as client:
        bodies = [
            {"task": "vqa", "text": colour, "images": [data_url(encoded(picture(colour=colour)))]}
            for colour in ("red", "lime", "blue", "black")
        ]
        await asyncio.gather(*(client.post("/infer", json=body) for body in bodies * 5))
    for request in engine.seen:
        asked = request.messages[-1].content[-1].text  # type: ignore[index,union-attr]
        expected = picture(colour=asked).getpixel((60, 40))
        assert request.media[0].frames[0].getpixel((60, 40)) == expected
