"""What the gateway can be asked to do. A new task is one file and one line in `TASKS`."""

from gateway.tasks import (
    captioning,
    chart_parse,
    doc_analyze,
    grounding,
    gui_action,
    html,
    ocr,
    video_qa,
    vqa,
)
from gateway.tasks.base import Task

TASKS: tuple[Task, ...] = (
    vqa.TASK,
    captioning.TASK,
    chart_parse.TASK,
    video_qa.TASK,
    doc_analyze.TASK,
    ocr.TASK,
    grounding.TASK,
    gui_action.TASK,
    html.TASK,
)
BY_NAME: dict[str, Task] = {task.name: task for task in TASKS}

__all__ = ["BY_NAME", "TASKS", "Task"]
