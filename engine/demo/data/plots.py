"""Bar charts drawn by matplotlib. It is slow, so training reads them from a pool on disk."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from engine.demo.data.canvas import CHARACTER_CLASS, Mark

Drawn = tuple[tuple[str, ...], tuple[int, ...], Image.Image, list[Mark]]
"""Labels, values, picture, marks."""

FAMILIES = ("DejaVu Sans", "Liberation Sans")


def draw(
    rng: Random,
    labels: tuple[str, ...],
    values: tuple[int, ...],
    classes: Callable[[int], dict[str, int]] | None = None,
) -> tuple[Image.Image, list[Mark]]:
    """The bars as matplotlib draws them; `classes` gives what to mark on the label of each bar."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (rng.uniform(0.44, 0.52) * len(labels) + rng.uniform(0.7, 1.0), rng.uniform(1.5, 2.3))
    style = {"font.family": rng.choice(FAMILIES), "font.size": rng.uniform(14, 16.5)}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=size, dpi=100)
        canvas = FigureCanvasAgg(figure)
        left, floor = rng.uniform(0.28, 0.36) / size[0], 0.32 / size[1]
        axes = figure.add_axes((left, floor, 0.98 - left, 1 - floor - rng.uniform(0.03, 0.12) / size[1]))
        colours: Any = (
            [f"C{rng.randrange(10)}" for _ in labels] if rng.random() < 0.4 else f"C{rng.randrange(10)}"
        )
        drawn = axes.bar(labels, values, color=colours, width=rng.uniform(0.5, 0.85))
        texts = axes.bar_label(drawn, padding=1)
        axes.margins(y=0.26)
        _dress(rng, axes)
        canvas.draw()
        image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")
        marks = [mark for text in texts for mark in _text_marks(text, image.height)]
        for index, tick in enumerate(axes.get_xticklabels()):
            label = _text_marks(tick, image.height)
            label[0].classes |= classes(index) if classes else {}
            marks += label
    return image, marks


def _dress(rng: Random, axes: Any) -> None:
    """Grid, spines and the y axis, each only sometimes."""
    if rng.random() < 0.35:
        axes.grid(axis="y", alpha=0.5)
        axes.set_axisbelow(True)
    if rng.random() < 0.4:
        axes.spines[["top", "right"]].set_visible(False)
    if rng.random() < 0.4:
        axes.set_yticks([])
    else:
        axes.tick_params(axis="y", labelsize=8)


def _text_marks(text: Any, height: int) -> list[Mark]:
    """A mark on each character; matplotlib counts pixels upwards."""
    box = text.get_window_extent()
    word = text.get_text()
    step = box.width / len(word)
    return [
        Mark(
            box.x0 + step * (index + 0.5),
            height - (box.y0 + box.y1) / 2,
            {"first": CHARACTER_CLASS[character]},
        )
        for index, character in enumerate(word)
        if character in CHARACTER_CLASS
    ]


@dataclass
class Pool:
    """Drawings kept as PNG bytes."""

    items: list[tuple[tuple[str, ...], tuple[int, ...], bytes, list[tuple[float, float, dict[str, int]]]]]

    def pick(self, rng: Random) -> Drawn:
        labels, values, data, marks = rng.choice(self.items)
        image = Image.open(io.BytesIO(data)).convert("RGB")
        return labels, values, image, [Mark(x, y, dict(classes)) for x, y, classes in marks]

    @classmethod
    def load(cls, folder: Path) -> Pool | None:
        """Every part in `folder`, or `None` where there is none."""
        items: list[Any] = []
        for part in sorted(folder.glob("*.pickle")):
            items += pickle.loads(part.read_bytes())
        return cls(items) if items else None


def fill_pool(folder: Path, seed: int, count: int) -> None:
    """Draws `count` charts into one part of the pool."""
    from engine.demo.data import charts

    rng = Random(seed)
    items = []
    for _ in range(count):
        chart = charts.bars(rng)
        image, marks = draw(
            rng, chart.labels, chart.values, lambda index, chart=chart: charts.label_classes(chart, index)
        )
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        items.append((chart.labels, chart.values, buffer.getvalue(), [(m.x, m.y, m.classes) for m in marks]))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{seed}.pickle").write_bytes(pickle.dumps(items))
