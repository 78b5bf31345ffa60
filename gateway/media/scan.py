"""Cleans the picture of a scanned or photographed page: light, tilt, specks, and black on white."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from PIL import Image

Gray = np.ndarray
"""uint8 `[H, W]`."""

_WORK_SIDE = 800
"""Tilt and light are judged on a picture of this size: they do not need more."""
_PAPER_FROM = 175
"""Grey value that counts as paper once the light is even."""
_GRAIN_FROM = 2.0
"""Mean difference of a point of bare paper from its neighbours from which a page is grainy."""
_MOST_TILT = 12.0
"""Degrees; pages lie straighter than this, and photographs of other things do not matter."""


def clean(picture: Image.Image, mode: Literal["auto", "scan"]) -> Image.Image:
    """`scan`: even light, straight, without specks, black on white. `auto`: a page of text is
    evened, straightened and freed of specks, its greys kept; any other picture stays as it is.
    """
    rgb = np.asarray(picture)
    if mode == "auto" and not looks_scanned(rgb):
        return picture
    gray = _even_light(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    gray = _without_specks(_straighten(gray))
    if mode == "scan":
        gray = _binarise(gray)
    return Image.fromarray(gray).convert("RGB")


def looks_scanned(rgb: np.ndarray) -> bool:
    """Whether uint8 `[H, W, 3]` is mostly bright and grey with some dark on it, as pages are."""
    small = _shrink(rgb)
    hsv = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)
    evened = _even_light(hsv[..., 2])
    grey = float(np.mean(hsv[..., 1] < 60))
    paper = float(np.mean(evened > 170))
    ink = float(np.mean(evened < 110))
    return grey > 0.9 and paper > 0.6 and 0.002 < ink < 0.3


def tilt(gray: Gray) -> float:
    """Degrees by which the lines of text fall to the right: the turn that parts rows best."""
    small = _shrink(gray)
    ink = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1]
    best = _best_angle(ink, np.arange(-_MOST_TILT, _MOST_TILT + 0.5, 1.0))
    best = _best_angle(ink, best + np.arange(-1.0, 1.01, 0.2))
    return _best_angle(ink, best + np.arange(-0.2, 0.21, 0.05))


def _best_angle(ink: Gray, angles: np.ndarray) -> float:
    return float(max(angles, key=lambda angle: _parting(ink, angle)))


def _parting(ink: Gray, angle: float) -> float:
    """How sharply rows of ink and of paper alternate once the picture is turned by `angle`."""
    rows = _turn(ink, angle, background=0).sum(axis=1, dtype=np.float64)
    return float(np.sum(np.diff(rows) ** 2))


def _turn(gray: Gray, angle: float, background: int = 255) -> Gray:
    height, width = gray.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    return cv2.warpAffine(
        gray,
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=background,
    )


def _straighten(gray: Gray) -> Gray:
    angle = tilt(gray)
    return _turn(gray, angle) if abs(angle) >= 0.1 else gray


def _even_light(gray: Gray) -> Gray:
    """Divides by the paper's own brightness, so that shadows and yellowed paper turn white."""
    small = _shrink(gray, 400)
    paper = cv2.dilate(small, np.ones((15, 15), np.uint8))
    paper = cv2.GaussianBlur(cv2.medianBlur(paper, 21), (0, 0), 10)
    paper = cv2.resize(paper, gray.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.divide(gray, paper, scale=255)


def _without_specks(gray: Gray) -> Gray:
    """Takes single points away first, then grain; a page without them is not touched, since small
    letters suffer from it.
    """
    middle = cv2.medianBlur(gray, 3)
    paper = cv2.erode(middle, np.ones((7, 7), np.uint8)) > _PAPER_FROM
    if not paper.any() or cv2.absdiff(gray, middle)[paper].mean() < _GRAIN_FROM:
        return gray
    return cv2.fastNlMeansDenoising(middle, None, h=12, templateWindowSize=5, searchWindowSize=11)


def _binarise(gray: Gray) -> Gray:
    """Black on white. The cut is made at twice the size, so that edges of strokes stay where they are."""
    large = cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    large = cv2.GaussianBlur(large, (0, 0), 1)
    cut = cv2.threshold(large, _PAPER_FROM, 255, cv2.THRESH_BINARY)[1]
    return cv2.resize(cut, gray.shape[1::-1], interpolation=cv2.INTER_AREA)


def _shrink(array: np.ndarray, side: int = _WORK_SIDE) -> np.ndarray:
    factor = side / max(array.shape[:2])
    if factor >= 1:
        return array
    return cv2.resize(array, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
