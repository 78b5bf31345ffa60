"""Draws `examples/annual.pdf`, whose charts have known numbers: `python -m engine.demo.example_report`.

The bars are vectors and the words are text, as reporting tools write them; one chart is a picture.
"""

from __future__ import annotations

from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from engine.demo.examples import FOLDER, chart

PAGES: tuple[tuple[tuple[str, dict[str, int]], ...], ...] = (
    (("Growth of sales, percent", {"A": 24, "B": 17, "C": 12}), ("Orders", {"A": 36, "B": 58, "C": 71})),
    (("Margin, percent", {"A": 31, "B": 14}), ("Staff", {"A": 63, "B": 48, "C": 52})),
)
"""Two pages of two charts: title, and value by label. The second chart of each page is a picture."""

_A4 = (8.27, 11.69)
_TEXT = "A is the year before last, B is last year and C is this year."


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    style = {"font.family": "DejaVu Sans", "pdf.fonttype": 42, "svg.hashsalt": "0"}
    with rc_context(style), PdfPages(FOLDER / "annual.pdf", metadata={"CreationDate": None}) as pdf:
        for number, charts in enumerate(PAGES, 1):
            pdf.savefig(_page(number, charts))


def _page(number: int, charts: tuple[tuple[str, dict[str, int]], ...]) -> Figure:
    page = Figure(figsize=_A4)
    page.text(0.1, 0.93, f"Annual report, part {number}", size=20, weight="bold")
    page.text(0.1, 0.89, _TEXT, size=11)
    (first, values), (second, others) = charts
    page.text(0.1, 0.84, first, size=12, weight="bold")
    _bars(page, values)
    page.text(0.1, 0.5, second, size=12, weight="bold")
    _picture(page, others)
    return page


def _bars(page: Figure, values: dict[str, int]) -> None:
    """Bars in vectors, 192 points wide, as `chart` draws them in pixels."""
    axes: Any = page.add_axes((0.1, 0.665, 192 / 72 / _A4[0], 130 / 72 / _A4[1]))
    drawn = axes.bar(list(values), list(values.values()), color=(66 / 255, 110 / 255, 200 / 255), width=0.5)
    axes.bar_label(drawn, padding=1, fontsize=22)
    axes.margins(y=0.2)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelsize=22)
    axes.spines[["left", "right", "top"]].set_visible(False)


def _picture(page: Figure, values: dict[str, int]) -> None:
    axes: Any = page.add_axes((0.1, 0.29, 192 / 72 / _A4[0], 160 / 72 / _A4[1]))
    axes.imshow(chart(values), interpolation="none", aspect="auto")
    axes.set_axis_off()


if __name__ == "__main__":
    main()
