"""A quick look at how well a state answers, without a server: one forward pass for many held-out cases.

    python -m engine.demo.check --state runs/demo/joint.pt --cases 200

An answer counts where the model, given each true token in turn, would choose the next: the very cases in
which greedy decoding gives it whole. Clips are seen without their compression, and a chart's JSON is not held
to its schema; `evaluate` measures all through the gateway.
"""

from __future__ import annotations

import argparse
import base64
import io
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import torch
from PIL import Image

from engine.demo import export, joint, packing, prompts, tokens
from engine.demo import model as shape
from engine.demo.cases import MAKERS, Case, cases
from engine.demo.data.canvas import Question, Sample
from engine.demo.evaluate import FORMATS, Verdict, line, picture, record, summarise
from engine.demo.precision import mixed
from engine.demo.sequences import UNLABELLED, Packer, Sequence
from engine.demo.text import Batch, read
from engine.demo.vision import see
from gateway.tasks import BY_NAME
from gateway.tasks.base import language_of

BY = "forward pass"
A_PASS = 20
"""Cases in one forward pass."""


def requests(packer: Packer, case: Case, form: str = "png") -> list[Sequence]:
    """What the gateway would ask the model: one request, or one for each page and one that joins them."""
    task, language = BY_NAME[case.task], language_of(case.text)
    text = case.text or (task.default_text[language] if task.default_text else "")
    images = [_as_sent(image, form) for image in case.images]

    def request(system: str, asked: str, answer: str, shown: list[Image.Image]) -> Sequence:
        question = Question(asked, answer, case.kind, case.task)
        sample = Sample(shown, [[] for _ in shown], [question], case.task == "video_qa")
        return packer.pack(Random(0), sample, system)

    if not case.pages:
        return [request(task.role[language], text, case.wanted[0], images)]
    read_each = [
        request(task.role[language], text, page, [image])
        for page, image in zip(case.pages, images, strict=True)
    ]
    return [*read_each, request(*prompts.summary(case.text, list(case.pages)), case.wanted[0], [])]


def _as_sent(image: Image.Image, form: str) -> Image.Image:
    """The picture after its way through a file of that form."""
    data = picture(image, form).partition(",")[2]
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def told(network: Any, batch: Batch) -> torch.Tensor:
    """The most likely next token everywhere [B, S]."""
    with torch.no_grad(), mixed("cpu"):
        hidden, _ = read(network.model.language_model, batch, see(network.model.visual, batch.pictures))
        return torch.nn.functional.linear(hidden, network.lm_head.weight).argmax(-1).view(batch.ids.shape)


def check(network: Any, packer: Packer, tokenizer: Any, group: list[Case], form: str) -> Iterator[Verdict]:
    """For each case, whether every request is answered truly, and what the last wrong one would say."""
    for start in range(0, len(group), A_PASS):
        asked = [requests(packer, case, form) for case in group[start : start + A_PASS]]
        batch = joint.to_batch(packing.arrays([request for each in asked for request in each]))
        best, row = told(network, batch), 0
        for case, each in zip(group[start:], asked, strict=False):
            wrong = ""
            for number in range(row, row + len(each)):
                answer = batch.labels[number] != UNLABELLED
                if not torch.equal(best[number][answer], batch.labels[number][answer]):
                    wrong = tokenizer.decode(best[number][answer])
            row += len(each)
            yield case, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--state", type=Path, default=tokens.CHECKPOINT, help="a joint.pt, or a checkpoint's folder"
    )
    parser.add_argument("--cases", type=int, default=100, help="cases in each group")
    parser.add_argument("--only", nargs="*", choices=list(MAKERS), default=list(MAKERS), help="groups")
    parser.add_argument("--format", choices=FORMATS, default="png", help="what images are sent as")
    parser.add_argument("--salt", default="check", help='chooses the cases (`evaluate` has "held out")')
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print in each group")
    parser.add_argument("--record", action="store_true", help="note the accuracies in evaluation.json")
    options = parser.parse_args()
    if options.record and options.state != tokens.CHECKPOINT:
        parser.error("--record notes the shipped checkpoint's accuracies alone")
    torch.set_num_threads(1)
    tokenizer = tokens.load()
    network = shape.build(len(tokenizer)).eval()
    network.load_state_dict(export.read_state(options.state))
    packer = Packer(tokens.Encoder(tokenizer))
    report: dict[str, Any] = {}
    for name in options.only:
        group = cases(name, options.cases, options.salt)
        report[name] = summarise(list(check(network, packer, tokenizer, group, options.format)), BY)
        print(line(name, report[name]), flush=True)
        for wrong in report[name]["wrong"][: options.show]:
            print("   ", wrong)
    if options.record:
        record(options.format, report)


if __name__ == "__main__":
    main()
