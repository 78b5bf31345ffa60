"""The next step on a screen, as an action that a program can take."""

from typing import Any

from gateway.tasks.base import Bilingual, MediaLimits, Task

_POINT: dict[str, Any] = {
    "type": ["array", "null"],
    "items": {"type": "integer"},
    "minItems": 2,
    "maxItems": 2,
}

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "action": {"enum": ["click", "double_click", "scroll", "type", "key", "wait", "done"]},
        "point_2d": _POINT,
        "text": {"type": ["string", "null"]},
        "direction": {"enum": ["up", "down", "left", "right", None]},
        "reason": {"type": "string"},
    },
    "required": ["action", "point_2d", "text", "direction", "reason"],
    "additionalProperties": False,
}

TASK = Task(
    name="gui_action",
    description="Says the next action on a screenshot: click, scroll, type and the like, with its point.",
    role=Bilingual(
        en=(
            "You operate a graphical interface that you see as a screenshot. Answer with the one next "
            "action towards the goal as JSON. Give point_2d as [x, y] on a scale of 0 to 1000 where the "
            "action has a place, text for what is typed or pressed, direction for a scroll, else null."
        ),
        zh=(
            "你操作截图所示的图形界面。以 JSON 给出朝目标的下一步操作。操作有位置时以 point_2d 给出 [x, y]"
            "（坐标范围 0 到 1000）；输入或按键内容放在 text，滚动方向放在 direction，其余为 null。"
        ),
    ),
    limits=MediaLimits(min_items=1, max_images=1),
    max_tokens=256,
    temperature=0.0,
    schema=SCHEMA,
    boxes=True,
)
