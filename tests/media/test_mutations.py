"""Three hundred broken files: each gets a clear answer in time, and the next good request works."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest

from gateway import errors
from gateway.settings import Settings
from tests.conftest import Gateway
from tests.media.samples import bomb, data_url, encoded, mutations, noise, pdf, picture, video

SEED = 20261121
IMAGES = {
    "jpeg": encoded(noise((96, 96)), "JPEG"),
    "png": encoded(noise((48, 48))),
    "palette png": encoded(picture(mode="P"), transparency=0),
    "webp": encoded(noise((96, 96)), "WEBP"),
    "lossless webp": encoded(noise((48, 48)), "WEBP", lossless=True),
}
CLIPS = {"mp4": video(1), "webm": video(1, form="webm", codec="libvpx")}
KNOWN = {code.number for code in errors.CODES if 400 <= code.status < 500} | {errors.SUCCESS.number}
LIMIT_S = 15
"""Far above what a file takes; a busy machine must not fail the test."""
MEMORY_MB = 600
"""How far the memory of the test's own process may grow over all of it."""


def hostile() -> list[tuple[str, bytes]]:
    """`(task, file)` of 300 files: mutations, wrong names, bombs, and files that are two things at once."""
    files = [
        ("vqa", data) for n, data in enumerate(IMAGES.values()) for data in mutations(data, 38, SEED + n)
    ]
    files += [
        ("video_qa", data) for n, data in enumerate(CLIPS.values()) for data in mutations(data, 25, SEED + n)
    ]
    files += [("doc_analyze", data) for data in mutations(pdf(), 40, SEED)]
    png, jpeg, document = IMAGES["png"], IMAGES["jpeg"], pdf()
    polyglots = (
        png + document,
        document + png,
        jpeg + png,
        b"GIF89a" + png,
        png[:8] + jpeg,
        jpeg[:3] + document,
    )
    files += [(task, data) for task in ("vqa", "doc_analyze") for data in polyglots]
    files += [("vqa", bomb()), ("vqa", bomb(6000)), ("doc_analyze", bomb()), ("video_qa", bomb(6000))]
    files += [
        ("vqa", CLIPS["mp4"]),
        ("video_qa", png),
        ("doc_analyze", CLIPS["webm"]),
        ("video_qa", document),
    ]
    return files


def memory_mb() -> float:
    """The most memory that this process had since `forget_memory`."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


def forget_memory() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def ask(client: httpx.AsyncClient, task: str, data: bytes) -> httpx.Response:
    source = data_url(data, "video/mp4" if task == "video_qa" else "image/png")
    media = {"video": source} if task == "video_qa" else {"images": [source]}
    return await client.post("/infer", json={"task": task, "text": "?", **media})


@pytest.mark.filterwarnings("default")
async def test_three_hundred_broken_files(gateway: Gateway) -> None:
    files, slowest = hostile(), 0.0
    assert len(files) >= 300
    async with gateway(settings=Settings()) as client:
        assert (await ask(client, "vqa", encoded())).status_code == 200
        forget_memory()
        before = memory_mb()
        for number, (task, data) in enumerate(files):
            began = time.monotonic()
            reply = await ask(client, task, data)
            slowest = max(slowest, time.monotonic() - began)
            assert slowest < LIMIT_S, number
            assert reply.json()["code"] in KNOWN, (number, task, reply.text)
            assert reply.status_code < 500, (number, task)
            if number % 10 == 0:
                assert (await ask(client, "vqa", encoded())).status_code == 200, number
        grown = memory_mb() - before
    print(f"{len(files)} files, slowest {slowest:.2f} s, memory grew by {grown:.0f} MB")
    assert grown < MEMORY_MB
