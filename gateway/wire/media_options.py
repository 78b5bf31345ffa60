"""How a request wants its media prepared: the same fields in every format that has them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from engine.types import MediumOptions, Preprocess
from gateway.wire.base import invalid

Pixel = Annotated[float, Meta(ge=0, le=100_000)]


class MediaOptions(Struct, frozen=True):
    preprocess: Preprocess = "none"
    redact: Annotated[list[tuple[Pixel, Pixel, Pixel, Pixel]], Meta(max_length=256)] = []
    truncate_video: bool = False
    dpi: Annotated[int, Meta(ge=36, le=600)] | None = None

    def of_media(self, field: str) -> MediumOptions:
        """As the media stages read them. Raises `GatewayError`, which names `field`."""
        for number, (left, top, right, bottom) in enumerate(self.redact):
            if left >= right or top >= bottom:
                raise invalid(
                    f"{field}.redact[{number}]", "must be [x1, y1, x2, y2] with x1 < x2 and y1 < y2."
                )
        return MediumOptions(
            preprocess=self.preprocess,
            redact=tuple(self.redact),
            truncate=self.truncate_video,
            dpi=self.dpi,
        )
