"""Printed lines of capitals and digits: one line, or a page of up to three."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageDraw

from engine.demo.data.canvas import (
    CHARACTERS,
    Font,
    Mark,
    Question,
    Rgb,
    Sample,
    any_font,
    background,
    side,
    worn,
    write,
)
from engine.demo.data.words import LANGUAGES, Language, shade

WORDS = (
    *("TOTAL", "INVOICE", "ORDER", "NO", "DATE", "TAX", "SUM", "REF", "QTY", "ID", "CODE", "ITEM"),
    *("PAID", "DUE", "OPEN", "EXIT", "STOP", "PAGE", "ROOM", "GATE", "HELLO", "SALE", "NAME", "CITY"),
)
DIGITS = "0123456789"

READ = {
    "en": (
        "Read the text on every page.",
        "Read the text on every page.",
        "Read the text.",
        "Read the text in this image.",
        "What text is in the image?",
        "What does the text say?",
        "Extract the text.",
        "What is written here?",
    ),
    "zh": (
        "请识读每一页的文字。",
        "请识读每一页的文字。",
        "识别图中的文字。",
        "图中的文字是什么？",
        "读出文字。",
        "请提取文字。",
        "上面写着什么？",
    ),
}


def line(rng: Random, shortest: int = 3, longest: int = 6) -> str:
    """A code, a number, a word, or a word and a number."""
    style = rng.random()
    if style < 0.4:
        return "".join(rng.choices(CHARACTERS, k=rng.randint(shortest, longest)))
    if style < 0.6:
        return "".join(rng.choices(DIGITS, k=rng.randint(min(2, shortest), longest)))
    if style < 0.7:
        return rng.choice(WORDS)
    return f"{rng.choice(WORDS)} {''.join(rng.choices(DIGITS, k=rng.randint(2, 4)))}"


def _ink(rng: Random) -> Rgb:
    return (
        (0, 0, 0)
        if rng.random() < 0.7
        else shade(rng, rng.choice(("red", "blue", "purple", "black", "green")))
    )


def page(rng: Random, lines: list[str]) -> tuple[Image.Image, list[Mark]]:
    """The lines one below another, aligned at the left, in one font and ink."""
    while True:
        face = any_font(rng, 26, 34 if len(lines) > 1 else 38)
        width = max(face.getlength(text) for text in lines)
        if width <= 244:
            break
    step = round(face.size * rng.uniform(1.25, 1.8))
    size = (min(256, max(int(width) + 8, side(rng))), max(96, step * len(lines) + 10, rng.randint(96, 150)))
    image = Image.new("RGB", size, background(rng))
    canvas = ImageDraw.Draw(image)
    ink = _ink(rng)
    x = rng.randint(2, max(2, int(size[0] - width - 3)))
    y = rng.randint(1, max(1, size[1] - step * len(lines) - 4))
    marks: list[Mark] = []
    for index, text in enumerate(lines):
        marks += write(canvas, (x, y + index * step), text, face, ink, line=index)
    return image, marks


_NUMBER = {
    "en": ("What number follows {}?", "What is the {} number?", "What is the number after {}?"),
    "zh": ("{}后面的数字是多少？", "{}是多少？"),
}
_ONE_LINE = {
    "en": (("Read the first line.", "Read the second line.", "Read the third line."), "Read the last line."),
    "zh": (("读出第一行。", "读出第二行。", "读出第三行。"), "读出最后一行。"),
}
_LOOK = {
    "en": ("Describe this image in one sentence.", "The image shows the text {}."),
    "zh": ("请用一句话描述这张图片。", "图中的文字是{}。"),
}


def questions(rng: Random, lines: list[str], count: int, language: Language | None = None) -> list[Question]:
    """Reading in several wordings, one line of several, and the number after a word."""
    found: dict[str, Question] = {}
    for _ in range(count):
        text, answer, kind, task = _ask(rng, lines, language or rng.choice(LANGUAGES))
        found.setdefault(text, Question(text, answer, kind, task))
    return list(found.values())


def _ask(rng: Random, lines: list[str], language: Language) -> tuple[str, str, str, str]:
    """Question, answer, kind and task."""
    numbered = [text.split(" ") for text in lines if " " in text]
    draw = rng.random()
    if draw < 0.2 and numbered:
        name, number = rng.choice(numbered)
        task = rng.choice(("doc_analyze", "vqa"))
        return rng.choice(_NUMBER[language]).format(name), number, "number", task
    if draw < 0.5 and len(lines) > 1:
        index = rng.randrange(len(lines))
        by_place, last = _ONE_LINE[language]
        is_last = index == len(lines) - 1 and rng.random() < 0.3
        return last if is_last else by_place[index], lines[index], "one line", "doc_analyze"
    if draw < 0.6:
        text, answer = _LOOK[language]
        return text, answer.format(("、" if language == "zh" else ", ").join(lines)), "caption", "captioning"
    return rng.choice(READ[language]), "\n".join(lines), "read", "doc_analyze"


def sample(
    rng: Random,
    count: int = 4,
    most: int = 3,
    shortest: int = 3,
    longest: int = 6,
    language: Language | None = None,
) -> Sample:
    """A page of up to `most` printed lines; those with several come more often."""
    number = rng.choice((*range(1, most + 1), *range(2, most + 1)))
    lines = [line(rng, shortest, longest) for _ in range(number)]
    image, marks = worn(rng, *page(rng, lines))
    return Sample([image], [marks], questions(rng, lines, count, language))


def dense(rng: Random) -> Sample:
    """A picture full of characters and without questions: the cheapest lesson in reading."""
    width, height = rng.choice([(128, 96), (128, 128), (160, 96), (160, 128), (192, 96)])
    image = Image.new("RGB", (width, height), background(rng))
    canvas = ImageDraw.Draw(image)
    marks: list[Mark] = []
    y = rng.randint(0, 6)
    while True:
        face = any_font(rng, 20, 38)
        if y + face.size + 6 > height:
            break
        marks += _fill_row(rng, canvas, face, width, y)
        y += int(face.size) + rng.randint(3, 12)
    image, marks = worn(rng, image, marks)
    return Sample([image], [marks])


def _fill_row(rng: Random, canvas: ImageDraw.ImageDraw, face: Font, width: int, y: int) -> list[Mark]:
    marks: list[Mark] = []
    x = rng.randint(0, 12)
    while True:
        alphabet = CHARACTERS if rng.random() < 0.6 else DIGITS
        text = "".join(rng.choices(alphabet, k=rng.randint(1, 5)))
        if x + face.getlength(text) > width - 2:
            return marks
        marks += write(canvas, (x, y), text, face, _ink(rng))
        x += int(face.getlength(text)) + rng.randint(6, 24)
