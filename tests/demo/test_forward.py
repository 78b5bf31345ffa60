"""The packed forward pass of training gives what transformers gives."""

from random import Random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from engine.demo import model as shape  # noqa: E402
from engine.demo import tokens  # noqa: E402
from engine.demo.data import pairs, shape_questions, videos  # noqa: E402
from engine.demo.data.canvas import Question  # noqa: E402
from engine.demo.joint import to_batch  # noqa: E402
from engine.demo.packing import arrays  # noqa: E402
from engine.demo.sequences import Packer  # noqa: E402
from engine.demo.text import read  # noqa: E402
from engine.demo.vision import see  # noqa: E402


@pytest.fixture(scope="module")
def packer():
    tokenizer = tokens.load()
    return Packer(tokens.Encoder(tokenizer))


@pytest.fixture(scope="module")
def network():
    return shape.build(tokens.VOCABULARY).eval()


def packed_logits(network, sequence):
    batch = to_batch(arrays([sequence]))
    with torch.no_grad():
        hidden, _ = read(network.model.language_model, batch, see(network.model.visual, batch.pictures))
        return torch.nn.functional.linear(hidden, network.lm_head.weight)


def pixel_rows(sequence):
    """Patches as the processor of transformers orders them: channels, two frames, 16 by 16."""
    rows, grid = [], []
    for view in sequence.views:
        first = view.first.reshape(-1, 3, 1, 256)
        second = first if view.second is None else view.second.reshape(-1, 3, 1, 256)
        rows.append(np.concatenate([first, second], 2).reshape(len(first), -1))
        grid.append([1, view.rows, view.columns])
    return torch.from_numpy(np.concatenate(rows)).float() / 127.5 - 1, torch.tensor(grid)


def reference_logits(network, sequence, is_video):
    """Logits of transformers for the shared beginning and the first question."""
    ids = torch.tensor([sequence.ids])
    pixels, grid = pixel_rows(sequence)
    kind = "video" if is_video else "image"
    if is_video:
        grid = torch.tensor([[len(sequence.views), *grid[0, 1:].tolist()]])
    names = {f"pixel_values{'_videos' if is_video else ''}": pixels, f"{kind}_grid_thw": grid}
    types = (ids == shape.IMAGE_PAD).int() + 2 * (ids == shape.VIDEO_PAD).int()
    with torch.no_grad():
        return network(input_ids=ids, mm_token_type_ids=types, **names).logits[0]


@pytest.mark.parametrize("maker", [shape_questions.sample, pairs.sample, videos.sample])
def test_one_question_scores_as_in_transformers(packer, network, maker):
    sample = maker(Random(3), 1)
    sequence = packer.pack(Random(1), sample, "You are a helpful assistant.")
    ours, theirs = packed_logits(network, sequence), reference_logits(network, sequence, sample.is_video)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_questions_of_one_picture_do_not_see_each_other(packer, network):
    sample = shape_questions.sample(Random(3), 3)
    both = packer.pack(Random(1), sample, "")
    sample.questions = [Question("How many?", "2", "count", "vqa"), *sample.questions[1:]]
    other = packer.pack(Random(1), sample, "")
    second = [np.flatnonzero(np.array(one.segments) == 2) for one in (both, other)]
    ours, theirs = (packed_logits(network, one)[at] for one, at in zip((both, other), second, strict=True))
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_sequence_scores_the_same_beside_a_longer_one(packer, network):
    short, long = (packer.pack(Random(1), shape_questions.sample(Random(3), count), "") for count in (1, 6))
    batch = to_batch(arrays([short, long]))
    with torch.no_grad():
        hidden, _ = read(network.model.language_model, batch, see(network.model.visual, batch.pictures))
        logits = torch.nn.functional.linear(hidden, network.lm_head.weight).view(*batch.ids.shape, -1)
    for row, sequence in enumerate((short, long)):
        size = len(sequence.ids)
        assert torch.allclose(logits[row, :size], packed_logits(network, sequence)[:size], atol=1e-5)
