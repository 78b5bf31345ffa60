"""The checkpoint answers truly about the pictures that the documentation shows."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from PIL import Image  # noqa: E402

from engine.demo import model as shape  # noqa: E402
from engine.demo import tokens  # noqa: E402
from engine.demo.cases import Case, cases  # noqa: E402
from engine.demo.check import check  # noqa: E402
from engine.demo.data.chart_questions import as_json  # noqa: E402
from engine.demo.data.charts import Bars  # noqa: E402
from engine.demo.examples import FOLDER  # noqa: E402
from engine.demo.export import read_checkpoint  # noqa: E402
from engine.demo.sequences import Packer  # noqa: E402

CHART = Bars(("A", "B", "C", "D"), (12, 27, 42, 18))


@pytest.fixture(scope="module")
def wrong():
    """The case's wrong answer, or an empty text where it is right."""
    tokenizer = tokens.load()
    network = shape.build(len(tokenizer)).eval()
    network.load_state_dict(read_checkpoint(tokens.CHECKPOINT))
    packer = Packer(tokens.Encoder(tokenizer))
    return lambda *asked: [answer for _, answer in check(network, packer, tokenizer, list(asked), "png")]


def case(task, text, answer, *names):
    images = tuple(Image.open(FOLDER / name).convert("RGB") for name in names)
    return Case("examples", task, "example", text, (answer,), images)


@pytest.mark.parametrize(
    "asked",
    [
        case("vqa", "What color is the circle?", "red", "shapes.png"),
        case("vqa", "星形是什么颜色？", "蓝色", "shapes.png"),
        case("captioning", "", "The image shows a red circle and a blue star.", "shapes.png"),
        case("vqa", "Which image has more shapes?", "The second image.", "two-a.png", "two-b.png"),
        case("vqa", "Which image has more shapes?", "The first image.", "two-b.png", "two-a.png"),
        case("chart_parse", "", as_json(CHART, "en"), "chart.png"),
        case("chart_parse", "请提取这张图表的数据。", as_json(CHART, "zh"), "chart.png"),
        case("doc_analyze", "", "TOTAL 4821", "page.png"),
    ],
    ids=lambda asked: f"{asked.task} {asked.text}",
)
def test_an_example_is_read_truly(wrong, asked):
    assert wrong(asked) == [""]


def test_a_wrong_answer_is_told(wrong):
    (told,) = wrong(case("vqa", "What color is the circle?", "green", "shapes.png"))
    assert told.startswith("red")


def test_a_document_is_right_only_with_all_its_pages(wrong):
    blank = Image.new("RGB", (192, 96), "white")
    document = next(each for each in cases("documents", 20) if wrong(each) == [""])
    assert wrong(replace(document, images=(blank, *document.images[1:]))) != [""]
