"""Documents, page by page, then joined into one answer."""

from gateway.tasks.base import Bilingual, MediaLimits, Task

TASK = Task(
    name="doc_analyze",
    description="Reads a document page by page, then answers about the whole of it.",
    role=Bilingual(
        en=(
            "You are a document analyst. You see one page. Answer from this page alone and quote "
            "text, names and numbers exactly as printed, line by line when asked to read."
        ),
        zh="你是文档分析师。你看到的是一页文档。只根据本页作答，文字、名称和数字照原样引用；要求识读时逐行输出。",
    ),
    summary_role=Bilingual(
        en=(
            "You are a document analyst. You are given what was found on each page of one document. "
            "Answer the question from these findings alone and cite the pages, as in (page 2)."
        ),
        zh="你是文档分析师。以下是同一份文档每一页的分析结果。只根据这些结果回答问题，并注明页码，如（第2页）。",
    ),
    default_text=Bilingual(en="Read the text on every page.", zh="请识读每一页的文字。"),
    lane="batch",
    limits=MediaLimits(min_items=1, max_images=32),
    max_tokens=1024,
    temperature=0.0,
    plan="pages",
)
