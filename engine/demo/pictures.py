"""Pictures as the tensors that the tower takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.demo.data.canvas import MERGE, PATCH, Sample, fit
from engine.demo.vision import Pictures

Bytes = NDArray[np.uint8]


def patches(pixels: Bytes) -> Bytes:
    """uint8 [H, W, 3] to [patches, 3·16·16], the four patches of a merged token in a row."""
    rows, columns = pixels.shape[0] // PATCH, pixels.shape[1] // PATCH
    cut = pixels.reshape(rows // MERGE, MERGE, PATCH, columns // MERGE, MERGE, PATCH, 3)
    return cut.transpose(0, 3, 1, 4, 6, 2, 5).reshape(rows * columns, 3 * PATCH * PATCH)


def in_blocks(targets: Bytes) -> Bytes:
    """Targets [rows, columns, channels] in the order of `patches`."""
    rows, columns, channels = targets.shape
    cut = targets.reshape(rows // MERGE, MERGE, columns // MERGE, MERGE, channels)
    return cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, channels)


class View:
    """One picture, or one pair of frames, ready for the tower."""

    __slots__ = ("columns", "first", "rows", "second", "targets")

    def __init__(self, pixels: Bytes, targets: Bytes, second: Bytes | None = None) -> None:
        self.rows, self.columns = pixels.shape[0] // PATCH, pixels.shape[1] // PATCH
        self.first = patches(pixels)
        self.targets = in_blocks(targets)
        self.second = None if second is None else patches(second)

    @property
    def size(self) -> tuple[int, int]:
        return self.rows, self.columns

    @property
    def tokens(self) -> int:
        return self.rows * self.columns // MERGE**2


def views(sample: Sample) -> list[View]:
    """The sample's pictures, or its frames two by two; an odd last frame is paired with itself."""
    fitted = [fit(image, marks) for image, marks in zip(sample.images, sample.marks, strict=True)]
    if not sample.is_video:
        return [View(pixels, targets) for pixels, targets in fitted]
    if len(fitted) % 2:
        fitted.append(fitted[-1])
    pairs = zip(fitted[::2], fitted[1::2], strict=True)
    return [View(pixels, targets, second) for (pixels, targets), (second, _) in pairs]


def gather(found: Sequence[View]) -> tuple[dict[str, Any], list[int]]:
    """Arrays for `Pictures`, sorted by size, and the order in which the views were taken."""
    order = sorted(range(len(found)), key=lambda index: found[index].size)
    sizes: list[tuple[int, int, int]] = []
    for index in order:
        rows, columns = found[index].size
        if sizes and sizes[-1][:2] == (rows, columns):
            sizes[-1] = (rows, columns, sizes[-1][2] + 1)
        else:
            sizes.append((rows, columns, 1))
    taken = [found[index] for index in order]
    none = np.zeros((0, 3 * PATCH * PATCH), np.uint8)
    arrays = {
        "sizes": sizes,
        "first": np.concatenate([view.first for view in taken]),
        "second": np.concatenate([none, *(view.second for view in taken if view.second is not None)]),
        "is_pair": np.concatenate([np.full(len(view.first), view.second is not None) for view in taken]),
        "targets": np.concatenate([view.targets for view in taken]),
    }
    return arrays, order


def to_tensors(arrays: dict[str, Any], device: torch.device | str = "cpu") -> Pictures:
    moved = {
        name: torch.from_numpy(value).to(device) if isinstance(value, np.ndarray) else value
        for name, value in arrays.items()
    }
    return Pictures(**moved)
