"""Clips, and images as frames: which pictures the model sees, and when they were."""

from __future__ import annotations

import struct

import pytest

from engine.types import Medium, MediumOptions
from gateway.errors import TOO_LARGE, VIDEO_FORMAT, VIDEO_TOO_LONG, GatewayError
from gateway.media import video
from gateway.settings import MediaSettings
from tests.media.samples import COLOURS, encoded, picture, silence
from tests.media.samples import video as clip

SETTINGS = MediaSettings()


def seen(data: bytes, settings: MediaSettings = SETTINGS, **options: object) -> Medium:
    medium = Medium("video", "", MediumOptions(**options), data=data)  # type: ignore[arg-type]
    video.prepare(medium, settings, settings.video_timeout_s)
    return medium


def refusal(data: bytes, settings: MediaSettings = SETTINGS) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        seen(data, settings)
    return caught.value


@pytest.mark.parametrize(
    ("form", "codec"),
    [("mp4", "libx264"), ("mov", "libx264"), ("webm", "libvpx"), ("matroska", "libvpx-vp9")],
)
def test_every_container_is_read_with_the_times_of_its_frames(form: str, codec: str) -> None:
    got = seen(clip(seconds=2, form=form, codec=codec))
    assert got.timestamps == pytest.approx((0, 0.5, 1, 1.5), abs=0.06)
    for frame, colour in zip(got.frames, COLOURS, strict=False):
        expected = picture(colour=colour).getpixel((60, 40))
        got_pixel = frame.getpixel((90, 60))
        assert all(abs(a - b) < 40 for a, b in zip(got_pixel, expected, strict=True))


def test_frames_are_spread_evenly_over_the_whole_clip() -> None:
    got = seen(clip(seconds=20, fps=10), SETTINGS.model_copy(update={"max_frames": 8}))
    assert got.timestamps == pytest.approx([number * 2.5 for number in range(8)], abs=0.11)


def test_a_clip_that_stands_still_at_first_is_not_sampled_in_a_burst_later() -> None:
    got = seen(clip(seconds=10, fps=10, still=5), SETTINGS.model_copy(update={"video_fps": 1}))
    assert got.timestamps == pytest.approx((0, 5, 6, 7, 8, 9), abs=0.11)


def test_a_clip_is_given_up_where_decoding_takes_too_long() -> None:
    error = refusal(clip(seconds=2), SETTINGS.model_copy(update={"video_timeout_s": 1e-6}))
    assert error.code is TOO_LARGE


def test_a_clip_of_a_single_picture_is_still_a_video() -> None:
    assert seen(clip(seconds=0.1)).timestamps == (0.0,)


def test_a_long_clip_is_refused_with_the_advice_to_cut_it() -> None:
    error = refusal(clip(seconds=31))
    assert error.code is VIDEO_TOO_LONG
    assert "truncate_video" in error.message


def test_a_long_clip_is_cut_where_that_is_asked_for() -> None:
    got = seen(clip(seconds=40, fps=5), truncate=True)
    assert got.timestamps[-1] < 30
    assert [notice.code for notice in got.notices] == ["video_truncated"]


@pytest.mark.parametrize("form", ["mp4", "webm"])
def test_a_header_that_lies_about_the_length_changes_nothing(form: str) -> None:
    data = bytearray(clip(seconds=40, fps=5, form=form, codec="libx264" if form == "mp4" else "libvpx"))
    if form == "mp4":
        for box in (b"mvhd", b"tkhd", b"mdhd"):
            place = data.index(box) + 4
            duration = place + {b"mvhd": 16, b"tkhd": 20, b"mdhd": 16}[box]
            data[duration : duration + 4] = struct.pack(">I", 1)
    else:
        place = data.index(b"\x44\x89")  # Duration, a float of eight bytes
        data[place + 3 : place + 11] = struct.pack(">d", 1.0)
    assert refusal(bytes(data)).code is VIDEO_TOO_LONG


def test_frames_are_scaled_into_the_pixel_budget_of_the_clip() -> None:
    small = SETTINGS.model_copy(update={"max_video_pixels_m": 0.1})
    got = seen(clip(seconds=4, size=(640, 360)), small)
    assert len(got.frames) == 8
    assert sum(frame.width * frame.height for frame in got.frames) <= 100_000
    assert got.frames[0].width / got.frames[0].height == pytest.approx(640 / 360, rel=0.05)


def test_a_frame_that_is_too_large_is_refused_before_it_is_decoded() -> None:
    tight = SETTINGS.model_copy(update={"max_pixels_m": 0.01})
    assert refusal(clip(seconds=1, size=(320, 240)), tight).code is TOO_LARGE


def test_redaction_covers_every_frame() -> None:
    got = seen(clip(seconds=1), redact=((0, 0, 48, 64),))
    assert all(frame.getpixel((20, 30)) == (0, 0, 0) for frame in got.frames)
    assert all(frame.getpixel((80, 30)) != (0, 0, 0) for frame in got.frames)


def test_a_clip_from_a_phone_held_upright_is_turned() -> None:
    data = bytearray(clip(seconds=0.5, colours=["red"]))
    matrix = data.index(b"tkhd") + 44
    quarter_clockwise = (0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = struct.pack(">9i", *quarter_clockwise)
    frame = seen(bytes(data)).frames[0]
    assert frame.size == (64, 96)
    assert min(frame.getpixel((54, 10))) > 200  # the white square was left, and is right now
    assert frame.getpixel((10, 10))[1] < 60


def test_images_may_stand_for_frames_and_are_brought_to_one_size() -> None:
    parts = tuple(
        Medium("image", "", data=encoded(picture(size, colour)))
        for size, colour in (((64, 64), "red"), ((128, 128), "blue"))
    )
    medium = Medium("video", "", parts=parts)
    video.prepare(medium, SETTINGS, seconds=20)
    assert medium.timestamps == (0.0, 0.5)
    assert {frame.size for frame in medium.frames} == {(64, 64)}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\x20ftypisom" + b"\0" * 200,
        b"\x1aE\xdf\xa3" + b"\xff" * 200,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        encoded(picture()),
    ],
    ids=["empty", "mp4 head", "webm head", "playlist", "concat", "image"],
)
def test_what_is_no_clip_is_refused(data: bytes) -> None:
    assert refusal(data).code is VIDEO_FORMAT


def test_a_clip_without_pictures_is_refused() -> None:
    assert refusal(silence()).code is VIDEO_FORMAT
