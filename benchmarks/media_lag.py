"""How long the event loop is held up while large images are read, decoded, judged and hashed.

    python benchmarks/media_lag.py [--images 20] [--megapixels 12]

Prints one JSON object: p50, p99 and the largest lag in ms, and how long all images took.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import time

import cv2
import numpy as np
from PIL import Image

from engine.types import Medium
from gateway.media.base import MediaReader
from gateway.safety.base import Safety
from gateway.settings import Settings

_FORMS = (("JPEG", {"quality": 92}), ("PNG", {"compress_level": 1}), ("WEBP", {"quality": 85, "method": 0}))
_PAUSE_S = 0.001
_LIMIT_B = 10_000_000


def photographs(count: int, megapixels: float) -> list[str]:
    """Data URLs of pictures with soft shapes and grain, as cameras make them, in turn JPEG, PNG and WebP."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    height = width * 3 // 4
    chance = np.random.default_rng(0)
    sources = []
    for number in range(count):
        shapes = chance.integers(0, 255, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(shapes, (width, height), interpolation=cv2.INTER_CUBIC)
        form, options = _FORMS[number % len(_FORMS)]
        if form != "PNG":  # with grain it would be over the limit of bytes
            picture = cv2.add(picture, chance.integers(0, 6, picture.shape, dtype=np.uint8))
        out = io.BytesIO()
        Image.fromarray(picture).save(out, form, **options)
        assert out.tell() < _LIMIT_B, (form, out.tell())
        sources.append(f"data:image/{form.lower()};base64,{base64.b64encode(out.getvalue()).decode()}")
    return sources


async def watch(lags: list[float]) -> None:
    """Notes how much later than asked for the loop comes back, again and again, in ms."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_PAUSE_S)
        lags.append((time.perf_counter() - began - _PAUSE_S) * 1000)


async def prepare(reader: MediaReader, safety: Safety, source: str) -> None:
    medium = Medium("image", source)
    await reader.read([medium], "local")
    await reader.prepare([medium])
    await safety.check_media([medium], "benchmark")


async def measure(sources: list[str]) -> dict[str, float]:
    settings = Settings()
    reader, safety = MediaReader(settings), Safety(settings.safety)
    await prepare(reader, safety, sources[0])  # loads the classifier
    lags: list[float] = []
    watcher = asyncio.create_task(watch(lags))
    began = time.perf_counter()
    await asyncio.gather(*(prepare(reader, safety, source) for source in sources))
    took = time.perf_counter() - began
    watcher.cancel()
    await reader.aclose()
    await safety.aclose()
    p50, p99 = np.percentile(lags, (50, 99))
    return {"p50_ms": p50, "p99_ms": p99, "max_ms": max(lags), "samples": len(lags), "took_s": took}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--megapixels", type=float, default=12)
    arguments = parser.parse_args()
    sources = photographs(arguments.images, arguments.megapixels)
    megabytes = sum(map(len, sources)) * 3 / 4 / 1e6
    figures = asyncio.run(measure(sources))
    about = {"images": arguments.images, "megapixels": arguments.megapixels, "megabytes": megabytes}
    print(json.dumps({name: round(value, 2) for name, value in (about | figures).items()}))


if __name__ == "__main__":
    main()
