"""Draws the pictures of `examples/`: `python -m engine.demo.examples`."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw

from engine.demo.data.canvas import Rgb, font
from engine.demo.data.shapes import draw_shape

FOLDER = Path(__file__).parents[2] / "examples"
WHITE: Rgb = (255, 255, 255)
SANS = "dejavu/DejaVuSans.ttf"
SMOOTH = 4
"""Pictures are drawn this much larger and scaled down, for smooth edges."""

Drawn = tuple[str, Rgb, float, float, float]
"""Form, colour, centre and radius in pixels."""

RED: Rgb = (220, 38, 38)
BLUE: Rgb = (37, 80, 220)
GREEN: Rgb = (30, 150, 60)
ORANGE: Rgb = (250, 140, 22)


def shapes(size: tuple[int, int], drawn: list[Drawn]) -> Image.Image:
    """Shapes on white, with smooth edges."""
    image = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), WHITE)
    canvas = ImageDraw.Draw(image)
    for form, fill, x, y, radius in drawn:
        draw_shape(canvas, form, x * SMOOTH, y * SMOOTH, radius * SMOOTH, fill)
    return image.resize(size, Image.Resampling.LANCZOS)


def chart(values: dict[str, int]) -> Image.Image:
    """Bars with their values printed above and their labels below."""
    image = Image.new("RGB", (192, 160), WHITE)
    canvas = ImageDraw.Draw(image)
    face = font(SANS, 22)
    floor, slot = 132, 192 / len(values)
    for index, (label, value) in enumerate(values.items()):
        centre, height = slot * (index + 0.5), value * 98 / max(values.values())
        canvas.rectangle([centre - 14, floor - height, centre + 14, floor], fill=(66, 110, 200))
        canvas.text((centre, floor - height - 3), str(value), (0, 0, 0), face, anchor="ms")
        canvas.text((centre, floor + 25), label, (0, 0, 0), face, anchor="ms")
    canvas.line([4, floor, 188, floor], fill=(0, 0, 0), width=2)
    return image


def page(lines: list[str]) -> Image.Image:
    """Printed lines on white."""
    image = Image.new("RGB", (192, 36 * len(lines) + 24), WHITE)
    canvas = ImageDraw.Draw(image)
    for index, line in enumerate(lines):
        canvas.text((14, 12 + 36 * index), line, (0, 0, 0), font(SANS, 24))
    return image


def film(path: Path, frames: list[Image.Image], rate: int = 4) -> None:
    """Writes frames as an MP4 (H.264)."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate), options={"crf": "12"})
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode())


def document(path: Path, pages: list[Image.Image]) -> None:
    """Writes pages as a PDF that, at 144 dots per inch, shows them pixel for pixel."""
    pages[0].save(path, "PDF", save_all=True, append_images=pages[1:], resolution=144, quality=95)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    pair = [("circle", RED, 45, 66, 26), ("star", BLUE, 118, 44, 30)]
    shapes((160, 128), pair).save(FOLDER / "shapes.png")
    shapes((128, 128), [("square", GREEN, 64, 64, 30)]).save(FOLDER / "two-a.png")
    shapes((128, 128), [("circle", ORANGE, 38, 44, 22), ("triangle", BLUE, 88, 84, 24)]).save(
        FOLDER / "two-b.png"
    )
    chart({"A": 12, "B": 27, "C": 42, "D": 18}).save(FOLDER / "chart.png")
    page(["TOTAL 4821"]).save(FOLDER / "page.png")
    bars = chart({"A": 15, "B": 38, "C": 24})
    document(FOLDER / "report.pdf", [page(["INVOICE 207"]), bars, page(["TOTAL 953"])])
    film(FOLDER / "motion.mp4", [shapes((128, 96), [("circle", RED, 22 + 12 * t, 48, 16)]) for t in range(8)])


if __name__ == "__main__":
    main()
