"""How much better bad scans are read after `options.preprocess`, measured with Tesseract.

    python benchmarks/scan_accuracy.py [--pages 12] [--pictures docs/images]

Needs the program `tesseract` (Debian: tesseract-ocr). Prints one JSON object: the share of words
that were read exactly, for each kind of damage and each kind of cleaning.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gateway.media import scan

_SIZE = (1000, 1400)
_WORDS = """
invoice total amount customer number delivery address payment within thirty days order item price
quantity discount balance account transfer reference signature contract agreement between parties shall
provide service period month annual report department manager director office street building floor
telephone received accepted returned damaged original document certificate registration insurance policy
holder premium coverage claim patient examination result laboratory sample normal range value measured
doctor hospital admission discharge
""".split()  # noqa: SIM905
_DAMAGES = ("clean", "tilted", "noisy", "shadowed", "all")


def page(chance: np.random.Generator) -> tuple[Image.Image, list[str]]:
    """A typed page and its words."""
    picture = Image.new("RGB", _SIZE, "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=24)
    words: list[str] = []
    for top in range(110, 1290, 42):
        line = [str(word) for word in chance.choice(_WORDS, 6)]
        line.append(str(chance.integers(100, 99999)))
        draw.text((110, top), " ".join(line), "#202020", font)
        words += line
    return picture, words


def damage(picture: Image.Image, kind: str, chance: np.random.Generator) -> Image.Image:
    """The page as a poor scanner or a hurried photographer would bring it."""
    array = np.asarray(picture).astype(np.float32)
    if kind in ("tilted", "all"):
        array = _tilt(array, float(chance.choice((-1, 1)) * chance.uniform(2, 6)))
    if kind in ("shadowed", "all"):
        array = _shadow(array, chance)
    if kind in ("noisy", "all"):
        array = _grain(array, chance)
    out = io.BytesIO()
    Image.fromarray(np.clip(array, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=60)
    return Image.open(out).convert("RGB")


def _tilt(array: np.ndarray, angle: float) -> np.ndarray:
    height, width = array.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    return cv2.warpAffine(array, matrix, (width, height), borderValue=(235, 235, 235))


def _shadow(array: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """Darkness that grows toward one corner, on yellowed paper."""
    height, width = array.shape[:2]
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    light = 1 - 0.75 * (across if chance.random() < 0.5 else 1 - across) * down
    return array * light[..., None] * np.array([1.0, 0.97, 0.85])


def _grain(array: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    array = cv2.GaussianBlur(array, (0, 0), 0.8) + chance.normal(0, 18, array.shape[:2])[..., None]
    specks = chance.random(array.shape[:2])
    array[specks < 0.02] = 40
    array[specks > 0.98] = 255
    return array


def words_read(picture: Image.Image) -> list[str]:
    out = io.BytesIO()
    picture.save(out, "PNG")
    command = ["tesseract", "-", "-", "--psm", "6", "--dpi", "150"]
    reader = subprocess.run(
        command,
        input=out.getvalue(),
        capture_output=True,
        check=True,
        env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"},
    )
    return reader.stdout.decode().split()


def share(found: list[str], words: list[str]) -> float:
    return sum((Counter(found) & Counter(words)).values()) / len(words)


def cleaned(picture: Image.Image, mode: str) -> Image.Image:
    return picture if mode == "none" else scan.clean(picture, mode)  # type: ignore[arg-type]


def measure(pages: int) -> dict[str, dict[str, float]]:
    chance = np.random.default_rng(0)
    figures: dict[str, dict[str, float]] = {}
    for kind in _DAMAGES:
        shares: dict[str, list[float]] = {"none": [], "auto": [], "scan": []}
        for _ in range(pages):
            picture, words = page(chance)
            damaged = damage(picture, kind, chance)
            for mode, found in shares.items():
                found.append(share(words_read(cleaned(damaged, mode)), words))
        figures[kind] = {mode: round(float(np.mean(found)), 3) for mode, found in shares.items()}
    return figures


def save_pictures(folder: Path) -> None:
    """A part of one damaged page before and after, small enough for the documentation."""
    chance = np.random.default_rng(4)
    damaged = damage(page(chance)[0], "all", chance)
    for mode in ("none", "auto", "scan"):
        part = cleaned(damaged, mode).crop((380, 700, 1000, 1060)).convert("L")
        part.quantize(8).save(folder / f"scan-{mode}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    if arguments.pictures:
        save_pictures(arguments.pictures)
    print(json.dumps({"pages": arguments.pages, "words_read": measure(arguments.pages)}))


if __name__ == "__main__":
    main()
