"""Where things are: boxes on the model's scale of 0 to 1000, given in pixels of the original too."""

from typing import Any

from gateway.tasks.base import Bilingual, MediaLimits, Task

_OBJECT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "bbox_2d": {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4},
        "label": {"type": "string"},
    },
    "required": ["bbox_2d", "label"],
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"objects": {"type": "array", "items": _OBJECT}},
    "required": ["objects"],
    "additionalProperties": False,
}

TASK = Task(
    name="grounding",
    description="Finds objects in an image: a box and a label for each, in pixels too.",
    role=Bilingual(
        en=(
            "You locate objects in images. Answer as JSON with the list objects: for each one asked for, "
            "its bbox_2d as [x1, y1, x2, y2] on a scale of 0 to 1000, and its label. Give an empty list "
            "if there is none."
        ),
        zh=(
            "你负责在图像中定位物体。以 JSON 作答，在列表 objects 中对每个所问物体给出"
            " bbox_2d（[x1, y1, x2, y2]，坐标范围 0 到 1000）和 label。若没有，则给出空列表。"
        ),
    ),
    default_text=Bilingual(en="Locate every object.", zh="请定位所有物体。"),
    limits=MediaLimits(min_items=1, max_images=1),
    max_tokens=1024,
    temperature=0.0,
    schema=SCHEMA,
    boxes=True,
)
