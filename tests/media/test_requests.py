"""The media of one request together: what they may cost, and that they leave room for those of others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.types import Medium
from gateway.errors import TOO_LARGE, GatewayError
from gateway.media import video
from gateway.media.base import MediaReader
from gateway.settings import FetchSettings, MediaSettings, Settings
from tests.media.samples import data_url, encoded, noise
from tests.media.samples import video as clip
from tests.media.site import Site, site

LOOPBACK = FetchSettings(private_networks=["127.0.0.0/8"], ports=[], idle_timeout_s=2, keep_mb=0)


def reader(**media: Any) -> MediaReader:
    return MediaReader(Settings(media=MediaSettings(**media), fetch=LOOPBACK))


def clips(count: int, data: bytes) -> list[Medium]:
    return [Medium("video", "", data=data) for _ in range(count)]


def at(host: Site, count: int) -> list[Medium]:
    return [Medium("image", f"http://127.0.0.1:{host.port}/{number}") for number in range(count)]


async def refusal(work: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await work
    return caught.value


async def test_the_clips_of_one_request_leave_a_thread_to_others() -> None:
    own = reader(recent_mb=0)
    many = clips(12, clip(seconds=4, size=(640, 360)))
    decoding = asyncio.create_task(own.prepare(many))
    while not any(one.frames for one in many):
        await asyncio.sleep(0.001)
    await own.prepare([Medium("image", "", data=encoded())])
    assert sum(bool(one.frames) for one in many) < 8
    await decoding
    assert all(one.frames for one in many)
    await own.aclose()


async def test_the_clips_of_one_request_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def prepare(medium: Medium, settings: MediaSettings, seconds: float) -> float:
        given.append(seconds)
        return 8

    monkeypatch.setattr(video, "prepare", prepare)
    own = reader(recent_mb=0)
    await own.prepare(clips(3, clip(seconds=0.1)))
    assert given == [20, 12, 4]
    await own.aclose()


async def test_too_many_clips_are_refused_before_one_is_decoded() -> None:
    own = reader()
    broken = b"\0\0\0\x20ftypisom" + b"\0" * 200
    error = await refusal(own.prepare(clips(21, broken)))
    assert error.code is TOO_LARGE
    assert "160 million pixels. Each video counts as 8 million." in error.message
    await own.aclose()


async def test_a_clip_alone_is_held_to_its_own_limit_only() -> None:
    own = reader(max_request_pixels_m=1)
    (alone,) = clips(1, clip(seconds=0.5))
    await own.prepare([alone])
    assert alone.frames
    await own.aclose()


async def test_nothing_is_read_beyond_what_the_request_has_left() -> None:
    async def stalls(headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 x\r\ncontent-length: 5000000\r\n\r\nx")

    async with site({"/0": stalls}) as host:
        own = reader(max_request_mb=1)
        error = await refusal(own.read(at(host, 1), "tenant"))
        assert error.code is TOO_LARGE
        assert "together are larger than 1 MB" in error.message
        await own.aclose()


async def test_reading_ends_where_the_budget_is_spent() -> None:
    picture = encoded(noise((180, 180)))  # about 100 kB
    async with site({f"/{number}": (200, {}, picture) for number in range(30)}) as host:
        own = reader(max_request_mb=0.25)
        error = await refusal(own.read(at(host, 30), "tenant"))
        assert "together are larger than 0.25 MB" in error.message
        assert len(host.asked) < 10
        await own.aclose()


async def test_the_same_picture_twice_counts_twice() -> None:
    own = reader(max_request_mb=0.15)
    source = data_url(encoded(noise((180, 180))))
    await own.read([Medium("image", source)], "tenant")
    error = await refusal(own.read([Medium("image", source), Medium("image", source)], "tenant"))
    assert "together" in error.message
    await own.aclose()


async def test_one_request_reads_four_media_at_a_time() -> None:
    open_now, most = 0, 0

    async def page(headers: dict[str, str], writer: asyncio.StreamWriter) -> Any:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.02)
        open_now -= 1
        return 200, {}, encoded()

    async with site({f"/{number}": page for number in range(12)}) as host:
        own = reader()
        media = at(host, 12)
        await own.read(media, "tenant")
        assert all(medium.data for medium in media)
        assert most == 4
        await own.aclose()
