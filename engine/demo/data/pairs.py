"""Two pictures of shapes, compared: the order in which they come matters."""

from __future__ import annotations

from random import Random

from engine.demo.data import shapes
from engine.demo.data.canvas import Question, Sample, worn
from engine.demo.data.shape_questions import caption
from engine.demo.data.shapes import Scene
from engine.demo.data.words import LANGUAGES, Language, with_article, word

KINDS = ("more", "contains", "describe", "colour", "count")
WEIGHTS = (3.5, 2.5, 1.5, 0.5, 0.7)

_EQUAL = {"en": "They are equal.", "zh": "一样多"}
_ANSWER = {"en": ("The first image.", "The second image."), "zh": ("第一张", "第二张")}
_NAME = {"en": ("first", "second"), "zh": ("第一张", "第二张")}


def _more(rng: Random, scenes: tuple[Scene, Scene], language: Language) -> tuple[str, str] | None:
    more = rng.random() < 0.6
    trait = rng.choice(("all", "form", "colour"))
    model = rng.choice(scenes[0] + scenes[1])
    counts = [sum(_matches(shape, model, trait) for shape in scene) for scene in scenes]
    if counts[0] == counts[1] and rng.random() < 0.5:
        return None
    name = _counted(model, trait, language)
    winner = 0 if (counts[0] > counts[1]) == more else 1
    answer = _EQUAL[language] if counts[0] == counts[1] else _ANSWER[language][winner]
    if language == "zh":
        word_more = "更多" if more else "更少"
        texts = (
            f"请比较两图，哪张图的{name}{word_more}？",
            f"哪张图片有{word_more}的{name}？",
            f"哪一张的{name}{word_more}？",
        )
    else:
        word_more = "more" if more else "fewer"
        texts = (
            f"Which image has {word_more} {name}?",
            f"Compare the two images: which one has {word_more} {name}?",
            f"Which of the two images shows {word_more} {name}?",
        )
    return rng.choice(texts), answer


def _matches(shape: shapes.Shape, model: shapes.Shape, trait: str) -> bool:
    return trait == "all" or getattr(shape, trait) == getattr(model, trait)


def _counted(model: shapes.Shape, trait: str, language: Language) -> str:
    if trait == "form":
        return word(model.form, language) + ("s" if language == "en" else "")
    prefix = word(model.colour, language) if trait == "colour" else ""
    return f"{prefix} shapes".strip() if language == "en" else f"{prefix}图形"


def _contains(rng: Random, scenes: tuple[Scene, Scene], language: Language) -> tuple[str, str] | None:
    which = rng.randrange(2)
    shape = rng.choice(scenes[which])
    if any(other.look == shape.look for other in scenes[1 - which]):
        return None
    name = shape.named(language)
    if language == "zh":
        return rng.choice((f"哪张图有{name}？", f"{name}在哪张图里？")), _ANSWER["zh"][which]
    named = with_article(name)
    texts = (f"Which image contains {named}?", f"Which image has {named}?", f"Which image shows {named}?")
    return rng.choice(texts), _ANSWER["en"][which]


def _one_of_them(
    kind: str, rng: Random, scenes: tuple[Scene, Scene], language: Language
) -> tuple[str, str] | None:
    """A question about one of the two pictures, named by its place."""
    which = rng.randrange(2)
    name, scene = _NAME[language][which], scenes[which]
    if kind == "describe":
        return f"描述{name}图。" if language == "zh" else f"Describe the {name} image.", caption(
            scene, language
        )
    if kind == "count":
        text = f"{name}图中有几个图形？" if language == "zh" else f"How many shapes are in the {name} image?"
        return text, str(len(scene))
    forms = [shape.form for shape in scene]
    single = [shape for shape in scene if forms.count(shape.form) == 1]
    if not single:
        return None
    shape = rng.choice(single)
    form = word(shape.form, language)
    text = (
        f"{name}图中的{form}是什么颜色？"
        if language == "zh"
        else f"What color is the {form} in the {name} image?"
    )
    return text, word(shape.colour, language)


def _ask(kind: str, rng: Random, scenes: tuple[Scene, Scene], language: Language) -> tuple[str, str] | None:
    if kind == "more":
        return _more(rng, scenes, language)
    if kind == "contains":
        return _contains(rng, scenes, language)
    return _one_of_them(kind, rng, scenes, language)


def sample(
    rng: Random,
    count: int = 7,
    most: int = 4,
    language: Language | None = None,
    kinds: tuple[str, ...] = KINDS,
) -> Sample:
    """Two pictures of 1 to `most` shapes with questions about both."""
    result = Sample([], [])
    drawn = []
    for _ in range(2):
        size, scene = shapes.scene(rng, most, high=176)
        image, marks = worn(rng, *shapes.draw(rng, size, scene))
        result.images.append(image)
        result.marks.append(marks)
        drawn.append(scene)
    weights = [WEIGHTS[KINDS.index(kind)] for kind in kinds]
    found: dict[str, Question] = {}
    for _ in range(count * 5):
        if len(found) >= count:
            break
        kind = rng.choices(kinds, weights)[0]
        pair = _ask(kind, rng, (drawn[0], drawn[1]), language or rng.choice(LANGUAGES))
        if pair:
            found.setdefault(pair[0], Question(*pair, kind, "vqa"))
    result.questions = list(found.values())
    return result
