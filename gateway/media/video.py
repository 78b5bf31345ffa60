"""A clip, or images given as its frames, to evenly spaced RGB frames with their times."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterator

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from PIL import Image

from engine.types import Medium, MediumOptions, Notice
from gateway.errors import TOO_LARGE, VIDEO_FORMAT, VIDEO_TOO_LONG, GatewayError
from gateway.media import formats, image
from gateway.media.digest import digest
from gateway.settings import MediaSettings

_DEMUXERS = {"MP4": "mov", "WEBM": "matroska"}
"""Named, so that FFmpeg never guesses: playlists and the like could make it open other files."""
_LONGEST_SIDE = 768
"""Frames are scaled down to this many pixels, and further where the pixel budget asks for it."""
_MOST_FRAMES_A_SECOND = 240
TOLERANCE_S = 0.5
"""How much longer than allowed a clip may be: cutting tools leave such ends."""

Timed = tuple[float, Image.Image]


def prepare(medium: Medium, settings: MediaSettings, seconds: float) -> float:
    """Fill in `frames`, `timestamps`, `digest` and `notices` of a video; gives back the seconds it took.

    Raises `GatewayError`, also where a clip is not decoded within `seconds`.
    """
    began = time.monotonic()
    deadline = began + seconds
    timed = list(_from_parts(medium, settings) if medium.parts else _from_file(medium, settings, deadline))
    if not timed:
        raise GatewayError(VIDEO_FORMAT, "The video has no pictures.")
    medium.timestamps = tuple(round(at, 3) for at, _ in timed)
    medium.frames = tuple(frame for _, frame in timed)
    medium.digest = digest(medium)
    return time.monotonic() - began


def most_pixels(settings: MediaSettings) -> float:
    """What the frames of one clip may have together."""
    return min(settings.max_video_pixels_m * 1e6, settings.max_frames * _LONGEST_SIDE**2)


def _from_parts(medium: Medium, settings: MediaSettings) -> Iterator[Timed]:
    """Images as frames, all brought to the size of the first."""
    size = None
    for number, part in enumerate(medium.parts):
        frame = image.decode(part.data or b"", part.options, settings)
        if size is None:
            size = _frame_size(frame.size, len(medium.parts), settings)
        frame = frame if frame.size == size else frame.resize(size)
        yield number / settings.video_fps, image.clean(frame, part.options)


def _from_file(medium: Medium, settings: MediaSettings, deadline: float) -> Iterator[Timed]:
    data = medium.data or b""
    name = formats.sniff(data)
    if name not in formats.VIDEOS:
        raise GatewayError(VIDEO_FORMAT)
    try:
        with av.open(io.BytesIO(data), format=_DEMUXERS[name]) as container:
            clip = _Clip(container, medium.options, settings, deadline)
            duration = clip.duration()
            if duration > settings.max_video_s + TOLERANCE_S:
                _cut_or_refuse(medium, settings)
                duration = settings.max_video_s
            yield from clip.frames(duration)
    except (av.FFmpegError, ValueError, OSError, MemoryError) as error:
        raise GatewayError(VIDEO_FORMAT) from error


def _cut_or_refuse(medium: Medium, settings: MediaSettings) -> None:
    limit = f"{settings.max_video_s:g} seconds"
    if not medium.options.truncate:
        advice = "Set options.truncate_video to use its beginning."
        raise GatewayError(VIDEO_TOO_LONG, f"The video is longer than {limit}. {advice}")
    notice = Notice("video_truncated", f"Only the first {limit} of the video were looked at.")
    medium.notices = (*medium.notices, notice)


class _Clip:
    """One opened file. Its methods raise `GatewayError`, and FFmpeg's errors on broken data."""

    def __init__(
        self, container: InputContainer, options: MediumOptions, settings: MediaSettings, deadline: float
    ) -> None:
        if not container.streams.video:
            raise GatewayError(VIDEO_FORMAT, "The file has no video stream.")
        self._container = container
        self._stream = container.streams.video[0]
        self._options = options
        self._settings = settings
        self._deadline = deadline
        self._check_size(self._stream.codec_context.width * self._stream.codec_context.height)
        self._stream.codec_context.thread_count = 1

    def duration(self) -> float:
        """Seconds from the first to the end of the last picture, by the packets and not by the header.

        Stops reading where the clip is known to be too long.
        """
        first, end = math.inf, 0.0
        longest = self._settings.max_video_s + TOLERANCE_S
        for number, packet in enumerate(self._container.demux(self._stream)):
            if number > _MOST_FRAMES_A_SECOND * longest:
                raise GatewayError(VIDEO_FORMAT, f"The video has more than {number - 1} pictures.")
            if packet.pts is None:
                continue
            shown = float(packet.pts * packet.time_base)
            first = min(first, shown)
            end = max(end, shown + float((packet.duration or 0) * packet.time_base))
            if end - first > longest:
                break
        if first is math.inf:
            raise GatewayError(VIDEO_FORMAT, "The video has no pictures.")
        self._container.seek(0)
        return end - first

    def frames(self, duration: float) -> Iterator[Timed]:
        """The first frame of each of evenly long steps over the whole clip, with its own time."""
        step = max(1 / self._settings.video_fps, duration / self._settings.max_frames)
        steps = min(self._settings.max_frames, max(1, math.ceil(duration / step - 1e-6)))
        first: float | None = None
        due = 0
        for frame in self._container.decode(self._stream):
            if time.monotonic() > self._deadline:
                raise GatewayError(TOO_LARGE, "The videos of the request take too long to decode.")
            if frame.time is None:
                continue
            first = frame.time if first is None else first
            elapsed = frame.time - first
            at = int((elapsed + 1e-3) / step)
            if at >= steps:
                return
            if at >= due:
                due = at + 1
                yield elapsed, self._picture(frame, steps)

    def _picture(self, frame: VideoFrame, count: int) -> Image.Image:
        """The frame upright, redacted and small. Its size may differ from the stream's: both are checked."""
        self._check_size(frame.width * frame.height)
        if not self._options.redact:
            frame = frame.reformat(*_frame_size((frame.width, frame.height), count, self._settings))
        picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
        if turn := round(frame.rotation) % 360:
            picture = picture.rotate(turn, expand=True)
        image.redact(picture, self._options.redact)
        size = _frame_size(picture.size, count, self._settings)
        return image.clean(picture if picture.size == size else picture.resize(size), self._options)

    def _check_size(self, pixels: int) -> None:
        if pixels > (limit := self._settings.max_pixels_m) * 1e6:
            raise GatewayError(TOO_LARGE, f"A frame has more than {limit:g} million pixels.")


def _frame_size(size: tuple[int, int], count: int, settings: MediaSettings) -> tuple[int, int]:
    """Width and height within the longest side, and within the share of the video's pixel budget."""
    budget = settings.max_video_pixels_m * 1e6 / count
    factor = min(1.0, _LONGEST_SIDE / max(size), math.sqrt(budget / (size[0] * size[1])))
    width, height = (max(28, int(side * factor)) for side in size)
    return width, height
