"""Cleaning of scanned pages: tilt, light, specks, and pictures that are no pages."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from gateway.media import scan
from tests.media.samples import noise, picture


def page(tilt: float = 0) -> Image.Image:
    """Twenty printed lines, turned clockwise by `tilt` degrees."""
    paper = Image.new("RGB", (600, 800), "white")
    draw, font = ImageDraw.Draw(paper), ImageFont.load_default(size=18)
    for line in range(20):
        draw.text((60, 60 + 34 * line), f"Line {line} of a page with words and 12345", "black", font)
    return paper.rotate(-tilt, fillcolor="white", resample=Image.Resampling.BICUBIC)


def shadowed(clean: Image.Image) -> Image.Image:
    light = np.linspace(1, 0.35, clean.width)[None, :, None]
    return Image.fromarray((np.asarray(clean) * light).astype(np.uint8))


def grainy(clean: Image.Image) -> Image.Image:
    grain = np.random.default_rng(0).normal(0, 15, (clean.height, clean.width, 1))
    return Image.fromarray(np.clip(np.asarray(clean) + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("degrees", [-8, -3, -0.5, 0, 0.5, 2, 5, 11])
def test_the_tilt_of_a_page_is_found(degrees: float) -> None:
    gray = np.asarray(grainy(page(degrees)).convert("L"))
    assert scan.tilt(gray) == pytest.approx(degrees, abs=0.2)


def test_a_page_is_straight_after_cleaning() -> None:
    for mode in ("auto", "scan"):
        cleaned = scan.clean(shadowed(grainy(page(4))), mode)  # type: ignore[arg-type]
        assert abs(scan.tilt(np.asarray(cleaned.convert("L")))) < 0.2


def test_shadows_become_paper() -> None:
    cleaned = np.asarray(scan.clean(shadowed(page()), "auto").convert("L"))
    assert np.mean(cleaned > 230) > 0.85


def test_a_scan_is_black_on_white() -> None:
    cleaned = np.asarray(scan.clean(shadowed(grainy(page(2))), "scan").convert("L"))
    assert np.mean((cleaned < 40) | (cleaned > 215)) > 0.95


def test_specks_go_and_strokes_stay() -> None:
    specked = np.asarray(page()).copy()
    specked[np.random.default_rng(0).random(specked.shape[:2]) < 0.02] = 0
    cleaned = np.asarray(scan.clean(Image.fromarray(specked), "auto").convert("L"))
    ink = np.asarray(page().convert("L")) < 128
    away = cv2.dilate(ink.astype(np.uint8), np.ones((7, 7))) == 0
    assert np.mean(cleaned[away] < 128) < 0.002
    assert np.mean(cleaned[ink] < 160) > 0.8


@pytest.mark.parametrize(
    "other", [noise((200, 200)), picture((300, 200), "blue"), picture((300, 200), "black"), picture()]
)
def test_what_is_no_page_is_left_alone_by_auto(other: Image.Image) -> None:
    assert scan.clean(other, "auto") is other


def test_pages_of_any_size_are_cleaned() -> None:
    for size in ((28, 28), (28, 900), (900, 28), (2048, 40)):
        assert scan.clean(Image.new("RGB", size, "white"), "scan").size == size
