"""Questions about a short video, given as one clip or as frames in time order."""

from gateway.tasks.base import Bilingual, MediaLimits, Task

TASK = Task(
    name="video_qa",
    description="Answers a question about a short video (a clip, or images as its frames).",
    role=Bilingual(
        en=(
            "You are a video analyst. The frames are in time order. Answer from what they show, "
            "briefly and exactly; give times in seconds where they are asked for."
        ),
        zh="你是视频分析师。画面按时间顺序排列。只根据画面内容简洁、准确地作答；问到时间时以秒给出。",
    ),
    default_text=Bilingual(en="Describe what happens in this video.", zh="请描述视频中发生了什么。"),
    lane="video",
    limits=MediaLimits(min_items=1, max_images=32, max_videos=1),
)
