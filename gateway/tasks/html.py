"""A picture of a page as the HTML that draws it."""

from gateway.tasks.base import Bilingual, MediaLimits, Task

TASK = Task(
    name="html",
    description="Writes the HTML and CSS that draw the page in an image; given bare as data.",
    role=Bilingual(
        en=(
            "You turn pictures of web pages into code. Answer with one whole HTML document, its CSS "
            "inside it, in a ```html code block, and nothing else."
        ),
        zh=(
            "你把网页图片转换为代码。以一个 ```html 代码块给出一份完整的 HTML 文档（内含 CSS），"
            "不要输出其他内容。"
        ),
    ),
    default_text=Bilingual(en="Write this page as HTML.", zh="请把这个页面写成 HTML。"),
    limits=MediaLimits(min_items=1, max_images=1),
    max_tokens=4096,
    temperature=0.0,
    block="html",
)
