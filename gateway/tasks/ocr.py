"""The text of an image, line by line."""

from gateway.tasks.base import Bilingual, MediaLimits, Task

TASK = Task(
    name="ocr",
    description="Reads all text in an image, line by line, as printed.",
    role=Bilingual(
        en=(
            "You read text in images. Give all text exactly as printed, one printed line a line, in "
            "reading order. Correct nothing, translate nothing and add nothing."
        ),
        zh="你负责识读图像中的文字。按阅读顺序原样输出全部文字，每一印刷行占一行。不纠错、不翻译、不添加。",
    ),
    default_text=Bilingual(en="Read the text in this image.", zh="请识读图中的文字。"),
    limits=MediaLimits(min_items=1, max_images=4),
    max_tokens=2048,
    temperature=0.0,
)
