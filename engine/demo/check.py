"""A quick look at how well a state answers, without a server: one forward pass for many held-out cases.

    python -m engine.demo.check --state runs/demo/joint.pt --cases 200

An answer counts where the model, given each true token in turn, would choose the next: the very cases in
which greedy decoding gives it whole. Documents of several pages, which take several requests, are left out,
and a chart's JSON is not held to its schema here. What goes into the model card is measured by `evaluate`.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import torch

from engine.demo import export, joint, packing, tokens
from engine.demo import model as shape
from engine.demo.cases import MAKERS, Case, cases
from engine.demo.data.canvas import Question, Sample
from engine.demo.precision import mixed
from engine.demo.sequences import UNLABELLED, Packer, Sequence
from engine.demo.text import Batch, read
from engine.demo.vision import see
from gateway.tasks import BY_NAME
from gateway.tasks.base import language_of

GROUPS = [name for name in MAKERS if name != "documents"]
A_PASS = 20
"""Cases in one forward pass."""


def pack(packer: Packer, case: Case) -> Sequence:
    """The case as the gateway would send it."""
    task = BY_NAME[case.task]
    language = language_of(case.text)
    text = case.text or (task.default_text[language] if task.default_text else "")
    images = list(case.images)
    question = Question(text, case.wanted[0], case.kind, case.task)
    sample = Sample(images, [[] for _ in images], [question], case.task == "video_qa")
    return packer.pack(Random(0), sample, task.role[language])


def told(network: Any, batch: Batch) -> torch.Tensor:
    """The most likely next token everywhere [B, S]."""
    with torch.no_grad(), mixed("cpu"):
        hidden, _ = read(network.model.language_model, batch, see(network.model.visual, batch.pictures))
        return torch.nn.functional.linear(hidden, network.lm_head.weight).argmax(-1).view(batch.ids.shape)


def check(network: Any, packer: Packer, tokenizer: Any, name: str, count: int, salt: str, show: int) -> str:
    """One line for one group, and up to `show` wrong answers."""
    group = cases(name, count, salt)
    kinds: dict[str, list[bool]] = defaultdict(list)
    wrong = []
    for start in range(0, count, A_PASS):
        part = group[start : start + A_PASS]
        batch = joint.to_batch(packing.arrays([pack(packer, case) for case in part]))
        best = told(network, batch)
        for row, case in enumerate(part):
            asked = batch.labels[row] != UNLABELLED
            right = bool((best[row] == batch.labels[row])[asked].all())
            kinds[case.kind].append(right)
            if not right and len(wrong) < show:
                wrong.append(f"    {case.text!r} {case.wanted[0]!r}: {tokenizer.decode(best[row][asked])!r}")
    rights = sum(map(sum, kinds.values()))
    told_kinds = ", ".join(f"{kind} {sum(each)}/{len(each)}" for kind, each in sorted(kinds.items()))
    return "\n".join([f"{name:22} {rights / count:6.1%}  {told_kinds}", *wrong])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", type=Path, help="a joint.pt (default: the shipped checkpoint)")
    parser.add_argument("--cases", type=int, default=100, help="cases in each group")
    parser.add_argument("--only", nargs="*", choices=GROUPS, default=GROUPS, help="groups to check")
    parser.add_argument("--salt", default="check", help="chooses the cases")
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print in each group")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer = tokens.load()
    network = shape.build(len(tokenizer)).eval()
    weights = (
        torch.load(options.state, map_location="cpu", weights_only=True)["model"]
        if options.state
        else export.read_checkpoint(tokens.CHECKPOINT)
    )
    network.load_state_dict(weights)
    packer = Packer(tokens.Encoder(tokenizer))
    for name in options.only:
        print(check(network, packer, tokenizer, name, options.cases, options.salt, options.show), flush=True)


if __name__ == "__main__":
    main()
