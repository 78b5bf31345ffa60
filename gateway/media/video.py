"""A clip, or images given as its frames, to evenly spaced RGB frames with their times."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

import av
from PIL import Image

from engine.types import Medium
from gateway.errors import VIDEO_FORMAT, VIDEO_TOO_LONG, GatewayError
from gateway.media import image
from gateway.settings import MediaSettings

_LONGEST_SIDE = 768
"""Frames are scaled down to this many pixels: a clip has many of them."""


def prepare(medium: Medium, settings: MediaSettings) -> None:
    """Fill in `frames`, `timestamps` and `digest` of a video. Raises `GatewayError`."""
    timed = list(_from_parts(medium, settings) if medium.parts else _from_file(medium, settings))
    if not timed:
        raise GatewayError(VIDEO_FORMAT, "The video has no pictures.")
    medium.timestamps = tuple(time for time, _ in timed)
    medium.frames = tuple(frame for _, frame in timed)
    digests = "".join(f"{time:.3f}{image.digest(frame)}" for time, frame in timed)
    medium.digest = hashlib.blake2b(digests.encode(), digest_size=20).hexdigest()


def _from_parts(medium: Medium, settings: MediaSettings) -> Iterator[tuple[float, Image.Image]]:
    """Images as frames, all brought to the size of the first."""
    size = None
    for number, part in enumerate(medium.parts):
        image.prepare(part, settings)
        frame = part.frames[0]
        if size is None:
            frame.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            size = frame.size
        yield number / settings.video_fps, frame if frame.size == size else frame.resize(size)


def _from_file(medium: Medium, settings: MediaSettings) -> Iterator[tuple[float, Image.Image]]:
    try:
        with av.open(io.BytesIO(medium.data or b"")) as container:
            if not container.streams.video:
                raise GatewayError(VIDEO_FORMAT, "The file has no video stream.")
            yield from _sample(container, settings)
    except (av.FFmpegError, ValueError, OSError) as error:
        raise GatewayError(VIDEO_FORMAT) from error


def _sample(
    container: av.container.InputContainer, settings: MediaSettings
) -> Iterator[tuple[float, Image.Image]]:
    """Every frame that begins a new step of the sampling rate, by the times in the stream itself."""
    step = 1 / settings.video_fps
    start: float | None = None
    taken = 0
    for frame in container.decode(video=0):
        time = frame.time or 0.0
        start = time if start is None else start
        elapsed = time - start
        if elapsed > settings.max_video_s:
            raise GatewayError(VIDEO_TOO_LONG, f"The video is longer than {settings.max_video_s:g} seconds.")
        if elapsed + 1e-6 >= taken * step and taken < settings.max_frames:
            picture = frame.to_image()
            picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
            taken += 1
            yield elapsed, picture
