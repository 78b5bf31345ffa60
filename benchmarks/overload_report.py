"""What `overload.py` has measured, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def table(runs: dict[str, Any]) -> str:
    head = f"{'':21}{'p99 first token, ms':>30}{'p99 whole answer, ms':>30}{'endings':>12}"
    lines = [head]
    for title, run in runs.items():
        lines.append(f"{title}: {run['offered_per_s']}/s offered, capacity {run['capacity_per_s']}/s")
        for name, after in run["loaded"].items():
            before = run["unloaded"][name]
            cells = []
            for figure in ("first_p99", "total_p99"):
                ratio = after[figure] / before[figure] if before[figure] else float("nan")
                cells.append(f"{before[figure]:>8} → {after[figure]:>6} (×{ratio:.1f})")
            ends = ", ".join(f"{after[k]} {k}" for k in after if not k.endswith(("_p50", "_p99")))
            lines.append(f"  {name:19}{cells[0]:>30}{cells[1]:>30}   {ends}")
        memory = run["memory_mb"]
        lines.append(f"  memory: {memory[0]:.0f} MB at the first second, {memory[-1]:.0f} MB at the last")
    return "\n".join(lines)


def plot(runs: dict[str, Any], engine: str, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(runs), figsize=(12, 7.5), sharey="row", squeeze=False)
    names = list(next(iter(runs.values()))["loaded"])
    for column, (title, run) in enumerate(runs.items()):
        above, below = axes[0][column], axes[1][column]
        counts = run["per_second"]
        seconds = range(len(counts["answered"]) - 1)
        colours = {"answered": "#2a7f62", "degraded": "#e0a030", "refused": "#b5483a"}
        above.stackplot(
            seconds,
            [counts[kind][:-1] for kind in colours],
            labels=list(colours),
            colors=list(colours.values()),
        )
        above.axhline(run["capacity_per_s"], color="black", linewidth=1, linestyle="--")
        above.set_title(f"{title}: {run['offered_per_s']:.0f} requests/s offered, dashed: capacity")
        above.set_xlabel("second")
        above.margins(y=0.2)
        above.legend(loc="upper center", ncols=3)
        for offset, (state, colour) in enumerate((("unloaded", "#9fb8c8"), ("loaded", "#1f4e79"))):
            values = [run[state][name]["first_p99"] for name in names]
            places = [index + (offset - 0.5) * 0.38 for index in range(len(names))]
            below.bar(places, values, 0.38, label=state, color=colour)
            for place, value in zip(places, values, strict=True):
                below.text(place, value * 1.05, f"{value}", ha="center", fontsize=8)
        below.set_yscale("log")
        below.set_xticks(range(len(names)), [name.replace(" · ", "\n") for name in names])
        below.set_title("p99 time to the first token, ms")
        below.legend(loc="upper right")
        below.margins(y=0.15)
    axes[0][0].set_ylabel("requests by second of arrival")
    figure.suptitle(f"Overload · {engine}")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
