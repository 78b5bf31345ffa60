"""The tables, the picture, and the part of the READMEs that come out of a run.

python -m benchmarks.peers.report      # write them again from benchmarks/results/peers.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent.parent / "results"
READMES = ("README.md", "README.zh-CN.md")
BEGIN, END = "<!-- figures -->", "<!-- /figures -->"
_BASE = {"engine": "vllm", "stub": "stub", "cache": "gateway"}
"""What a group's ratios are taken against."""
_SHOWN = {
    "requests_per_s": "requests/s",
    "tokens_per_s": "tokens/s",
    "ttft_p50": "TTFT p50 ms",
    "total_p50": "total p50 ms",
    "total_p99": "p99 ms",
    "cpu_ms": "CPU ms a request",
    "failed": "failed",
}


def markdown(result: dict[str, Any]) -> str:
    """Every figure of a run, a table for each workload."""
    lines = [f"# {result['title']}", "", result["machine"], ""]
    for group, plans in result["groups"].items():
        lines += [f"## {result['about'][group]}", ""]
        for title, systems in plans.items():
            lines += [f"### {title}", "", *_table(systems, _BASE[group]), ""]
    lines += ["## Memory", "", "| system | HTTP process, MB | all processes, MB |", "|---|--:|--:|"]
    lines += [f"| {name} | {own:.0f} | {every:.0f} |" for name, (own, every) in result["memory_mb"].items()]
    return "\n".join(lines) + "\n"


def _table(systems: dict[str, dict[str, Any]], base: str) -> list[str]:
    heads = ["system", *_SHOWN.values(), "requests/s ÷ " + base]
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for name, found in systems.items():
        cells = [f"{found[key]:,.1f}" if key != "failed" else f"{found[key]:.0f}" for key in _SHOWN]
        lines.append("| " + " | ".join([name, *cells, _ratio(systems, name, base)]) + " |")
    return lines


def _ratio(systems: dict[str, dict[str, Any]], name: str, base: str, figure: str = "requests_per_s") -> str:
    if base not in systems or not systems[base][figure]:
        return "–"
    return f"{systems[name][figure] / systems[base][figure]:.2f}"


def summary(result: dict[str, Any]) -> str:
    """The table of the READMEs: this gateway against vLLM's own server on the same engine."""
    engine = result["groups"].get("engine", {})
    heads = ("workload", "vLLM's server", "gateway", "ratio")
    lines = ["| " + " | ".join(heads) + " |", "|---|--:|--:|--:|"]
    for title, systems in engine.items():
        if "gateway" not in systems or "vllm" not in systems:
            continue
        own, base = systems["gateway"]["requests_per_s"], systems["vllm"]["requests_per_s"]
        ratio = _ratio(systems, "gateway", "vllm")
        lines.append(f"| {title} | {base:,.1f} requests/s | {own:,.1f} requests/s | {ratio} |")
    return "\n".join(lines)


def plot(result: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    groups = result["groups"].get("engine", {})
    engine = {title: found for title, found in groups.items() if "vllm" in found}
    if not engine:
        return
    names = list(dict.fromkeys(name for found in engine.values() for name in found))
    figure, axes = pyplot.subplots(figsize=(11, 0.55 * len(engine) * max(2, len(names) / 2) + 1.5))
    height = 0.8 / len(names)
    for number, name in enumerate(names):
        places = [row + number * height for row in range(len(engine))]
        values = [
            found[name]["requests_per_s"] / found["vllm"]["requests_per_s"] if name in found else 0
            for found in engine.values()
        ]
        bars = axes.barh(places, values, height * 0.9, label=name)
        axes.bar_label(bars, [f"{value:.2f}" if value else "" for value in values], fontsize=8, padding=2)
    axes.axvline(1, color="black", linewidth=1, linestyle="--")
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(engine))], list(engine))
    axes.invert_yaxis()
    axes.set_xlabel("requests a second, as a multiple of vLLM's own server")
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def write(result: dict[str, Any]) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "peers.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "peers.md").write_text(markdown(result), encoding="utf-8")
    plot(result, RESULTS / "peers.png")
    for name in READMES:
        path = RESULTS.parent.parent / name
        text = path.read_text(encoding="utf-8")
        if BEGIN in text:
            head, _, rest = text.partition(BEGIN)
            path.write_text(
                f"{head}{BEGIN}\n{summary(result)}\n{END}{rest.partition(END)[2]}", encoding="utf-8"
            )


if __name__ == "__main__":
    write(json.loads((RESULTS / "peers.json").read_text(encoding="utf-8")))
