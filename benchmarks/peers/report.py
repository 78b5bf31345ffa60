"""The tables, the picture, and the part of the READMEs that come out of the runs.

python -m benchmarks.peers.report      # write them again from benchmarks/results/peers.json
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.peers.targets import TARGETS, Measured, Target

RESULTS = Path(__file__).parent.parent / "results"
READMES = {"README.md": ("target", "aim", "measured"), "README.zh-CN.md": ("目标", "要求", "实测")}
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
_SHOWN = {
    "requests_per_s": "requests/s",
    "tokens_per_s": "tokens/s",
    "ttft_p50": "TTFT p50 ms",
    "ttft_p99": "p99",
    "gap_p50": "between tokens p50 ms",
    "gap_p99": "p99",
    "total_p50": "total p50 ms",
    "total_p99": "p99",
    "cpu_ms": "CPU ms a request",
    "memory_mb": "memory MB",
    "lag_ms": "loop lag ms",
    "failed": "failed",
}
_EXACT = {"failed": 0, "memory_mb": 0, "requests_per_s": 1, "tokens_per_s": 0}
"""Digits behind the point; two elsewhere."""
_UNSAID = {"gap_p50", "gap_p99", "lag_ms"}
"""Figures whose zero means that there is none."""


def read() -> dict[str, Measured]:
    path = RESULTS / "peers.json"
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Measured]) if path.exists() else {}


def write(results: Mapping[str, Measured]) -> None:
    RESULTS.mkdir(exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(results), indent=1)
    (RESULTS / "peers.json").write_bytes(text + b"\n")
    sections = "\n".join(section(measured) for measured in results.values())
    targets = _targets(results, READMES["README.md"], chinese=False)
    (RESULTS / "peers.md").write_text(
        f"# The gateway and its peers\n\n{targets}\n\n{sections}", encoding="utf-8"
    )
    plot(results, RESULTS / "peers.png")
    for name, heads in READMES.items():
        _put(RESULTS.parent.parent / name, _targets(results, heads, chinese="zh" in name))


def section(measured: Measured) -> str:
    """Every figure of a group, a table for each workload."""
    lines = [f"## {measured.meaning}", "", f"{measured.machine}; {measured.day}.", ""]
    for title, systems in measured.plans.items():
        lines += [f"### {title}", "", *_table(systems, measured.base), ""]
    lines += [
        "### Memory at the end",
        "",
        "| system | HTTP process, MB | all processes, MB |",
        "|---|--:|--:|",
    ]
    lines += [f"| {name} | {own:.0f} | {every:.0f} |" for name, (own, every) in measured.memory_mb.items()]
    return "\n".join(lines) + "\n"


def _table(systems: dict[str, dict[str, Any]], base: str) -> list[str]:
    heads = ["system", *_SHOWN.values(), f"requests/s ÷ {base}"]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for name, found in systems.items():
        cells = [_cell(key, found[key]) for key in _SHOWN]
        other = systems.get(base, {}).get("requests_per_s")
        ratio = f"{found['requests_per_s'] / other:.2f}" if other else "–"
        lines.append("| " + " | ".join([name, *cells, ratio]) + " |")
    return lines


def _cell(key: str, value: float) -> str:
    return "–" if key in _UNSAID and not value else f"{value:,.{_EXACT.get(key, 2)}f}"


def _targets(results: Mapping[str, Measured], heads: tuple[str, ...], *, chinese: bool) -> str:
    lines = ["| " + " | ".join(heads) + " | |", "|---|--:|--:|---|"]
    lines += [_row(target, results[target.group], chinese) for target in TARGETS if target.group in results]
    return "\n".join(lines)


def _row(target: Target, run: Measured, chinese: bool) -> str:
    value = target.value(run)
    title = target.title_zh if chinese else target.title
    sign, mark = "≥" if target.at_least else "≤", "✓" if target.hit(value) else "✗"
    return f"| {title} | {sign} {target.aim:g}{target.unit} | {_short(value)}{target.unit} | {mark} |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 20 else f"{value:.2f}"


def _put(path: Path, table: str) -> None:
    """The table between the marks of a README."""
    text = path.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    if begin:
        path.write_text(f"{head}{BEGIN}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def plot(results: Mapping[str, Measured], path: Path) -> None:
    """Requests a second of every system on the real engine, as a multiple of vLLM's own server."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    runs = [run for run in results.values() if run.base == "vllm"]
    if not runs:
        return
    heights = [sum(len(found) for found in run.plans.values()) for run in runs]
    figure, panels = pyplot.subplots(
        len(runs), figsize=(10, 0.32 * sum(heights) + 1.2 * len(runs)), height_ratios=heights, squeeze=False
    )
    for axes, run in zip(panels[:, 0], runs, strict=True):
        _bars(axes, run)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _bars(axes: Any, run: Measured) -> None:
    plans = {title: found for title, found in run.plans.items() if "vllm" in found}
    names = [name for name in dict.fromkeys(n for found in plans.values() for n in found) if name != "vllm"]
    height = 0.8 / len(names)
    for number, name in enumerate(names):
        values = [found[name]["requests_per_s"] / found["vllm"]["requests_per_s"] for found in plans.values()]
        places = [row + number * height for row in range(len(plans))]
        bars = axes.barh(places, values, height * 0.9, label=name)
        axes.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=8, padding=2)
    axes.axvline(1, color="black", linewidth=1, linestyle="--")
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(plans))], list(plans))
    axes.invert_yaxis()
    axes.set_title(run.meaning, loc="left", fontsize=10)
    axes.set_xlabel("requests a second, as a multiple of vLLM's own server")
    axes.legend(loc="lower right", fontsize=8)


if __name__ == "__main__":
    write(read())
