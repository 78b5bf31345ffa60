"""What the page must know of the server: limits, formats and codes, as the server itself uses them."""

from __future__ import annotations

from typing import Any

from gateway import __version__
from gateway.errors import CODES, IMAGE_FORMAT, INVALID_REQUEST, TOO_LARGE, VIDEO_FORMAT, VIDEO_TOO_LONG
from gateway.media import formats, image, video
from gateway.settings import Settings


def facts(settings: Settings) -> dict[str, Any]:
    """The page's `config.json`: the same until the server is started with other settings."""
    return {
        "version": __version__,
        "limits": _limits(settings),
        "formats": {
            "image": sorted(formats.IMAGES),
            "video": sorted(formats.VIDEOS),
            "document": sorted(formats.DOCUMENTS),
        },
        "signatures": [_signature(signature) for signature in formats.SIGNATURES],
        "unknown_format": formats.UNKNOWN,
        "refusals": {
            "invalid_request": INVALID_REQUEST.number,
            "image_format": IMAGE_FORMAT.number,
            "video_format": VIDEO_FORMAT.number,
            "video_too_long": VIDEO_TOO_LONG.number,
            "too_large": TOO_LARGE.number,
        },
        "codes": {
            str(code.number): {"name": code.name, "meaning": code.meaning, "advice": code.advice}
            for code in CODES
        },
    }


def _limits(settings: Settings) -> dict[str, float]:
    """Sizes in MB and millions of pixels, times in seconds, as the settings have them."""
    media = settings.media
    return {
        "max_body_mb": settings.server.max_body_mb,
        "max_items": media.max_items,
        "max_request_mb": media.max_request_mb,
        "max_image_mb": media.max_image_mb,
        "max_pdf_mb": media.max_pdf_mb,
        "max_video_mb": media.max_video_mb,
        "max_pixels_m": media.max_pixels_m,
        "max_request_pixels_m": media.max_request_pixels_m,
        "longest_shape": image.LONGEST_SHAPE,
        "max_video_s": media.max_video_s,
        "video_tolerance_s": video.TOLERANCE_S,
        "video_fps": media.video_fps,
        "max_frames": media.max_frames,
    }


def _signature(signature: formats.Signature) -> dict[str, Any]:
    return {
        "name": signature.name,
        "parts": [[at, part.hex()] for at, part in signature.parts],
        "after_blank": signature.after_blank,
    }
