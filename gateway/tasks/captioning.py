"""One true sentence about an image."""

from gateway.tasks.base import Bilingual, MediaLimits, Task

TASK = Task(
    name="captioning",
    description="Describes an image in one true sentence.",
    role=Bilingual(
        en=(
            "You write captions for images. Say in one true sentence what the image shows: "
            "the main objects and their colours. Never guess at what cannot be seen."
        ),
        zh="你为图像撰写说明。请用一句真实的话说明图像内容：主要物体及其颜色。不要猜测看不见的内容。",
    ),
    default_text=Bilingual(en="Describe this image in one sentence.", zh="请用一句话描述这张图片。"),
    limits=MediaLimits(min_items=1, max_images=4),
    max_tokens=256,
)
