"""Questions about one or several images."""

from gateway.tasks.base import Bilingual, MediaLimits, Task

TASK = Task(
    name="vqa",
    description="Answers a question about one or several images.",
    role=Bilingual(
        en=(
            "You are a careful visual question answering assistant. Answer from the images alone, "
            "briefly and exactly. Several images are numbered in the order given: first, second "
            "and so on. If the images do not hold the answer, say so."
        ),
        zh=(
            "你是严谨的视觉问答助手。只根据图像作答，简洁、准确。"
            "有多张图像时，按给出的顺序称为第一张、第二张，以此类推。若图像中没有答案，请直接说明。"
        ),
    ),
    limits=MediaLimits(min_items=1, max_images=8, max_videos=1),
)
