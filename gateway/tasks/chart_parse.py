"""A chart as data: JSON that the engine holds to a schema."""

from typing import Any

from gateway.tasks.base import Bilingual, MediaLimits, Task

_TEXT: dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_NUMBER: dict[str, Any] = {"anyOf": [{"type": "number"}, {"type": "null"}]}


def _object(**properties: Any) -> dict[str, Any]:
    """An object with exactly these properties, all of them required, in this order."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMA = _object(
    type={"enum": ["bar", "line", "pie", "scatter", "area", "table", "other"]},
    title=_TEXT,
    axes=_object(x=_TEXT, y=_TEXT),
    series={
        "type": "array",
        "items": _object(
            name=_TEXT,
            points={"type": "array", "items": _object(label={"type": "string"}, value=_NUMBER)},
        ),
    },
    summary={"type": "string"},
)

TASK = Task(
    name="chart_parse",
    description="Reads a chart into JSON: type, title, axes, series and a one-sentence summary.",
    role=Bilingual(
        en=(
            "You are a data analyst who reads charts. Give the chart as JSON: its type, title, axes, "
            "each series with every label and value as printed, and a one-sentence summary. "
            "Estimate a value from the axis only where none is printed; use null for what is absent."
        ),
        zh=(
            "你是读取图表的数据分析师。请以 JSON 给出图表：类型、标题、坐标轴、"
            "每个系列的全部标签与数值（按图中所印），以及一句话总结。"
            "仅在未标注数值时按坐标轴估计；不存在的内容用 null。"
        ),
    ),
    default_text=Bilingual(en="Extract the data of this chart.", zh="请提取这张图表的数据。"),
    limits=MediaLimits(min_items=1, max_images=4),
    max_tokens=1024,
    temperature=0.0,
    schema=SCHEMA,
)
