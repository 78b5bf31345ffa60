"""Sequences that hold one picture once and several questions behind it, each blind to the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from engine.demo.data.canvas import Sample
from engine.demo.model import IM_END, IM_START, IMAGE_PAD, VIDEO_PAD, VISION_END, VISION_START
from engine.demo.pictures import View, views
from engine.demo.tokens import Encoder

UNLABELLED = -100
LONGEST = 320
"""Tokens of a sequence past which no further question is added."""


@dataclass(slots=True)
class Sequence:
    """One packed sequence. Segment 0 is the shared beginning; each question is a segment of its own."""

    ids: list[int] = field(default_factory=list)
    positions: list[tuple[int, int, int]] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    """The token that follows, where it is part of an answer."""
    views: list[View] = field(default_factory=list)
    vision_at: list[int] = field(default_factory=list)
    """Where the merged tokens of `views` stand."""
    kinds: list[str] = field(default_factory=list)
    """Kind of each question, from segment 1 on."""
    next: int = 0
    """The next free position."""

    def text(self, ids: tuple[int, ...] | list[int], segment: int = 0) -> None:
        self.ids += ids
        self.positions += [(self.next + step,) * 3 for step in range(len(ids))]
        self.segments += [segment] * len(ids)
        self.labels += [UNLABELLED] * len(ids)
        self.next += len(ids)

    def view(self, view: View, pad: int, segment: int = 0) -> None:
        """A picture between its two marks; its tokens share one time and lie on a grid."""
        self.text([VISION_START], segment)
        rows, columns = view.rows // 2, view.columns // 2
        start = self.next
        for row in range(rows):
            for column in range(columns):
                self.vision_at.append(len(self.ids))
                self.ids.append(pad)
                self.positions.append((start, start + row, start + column))
        self.segments += [segment] * view.tokens
        self.labels += [UNLABELLED] * view.tokens
        self.next = start + max(rows, columns)
        self.views.append(view)
        self.text([VISION_END], segment)

    def answer(self, ids: tuple[int, ...], segment: int, kind: str) -> None:
        """An answer; the token before it predicts its first."""
        self.labels[-1] = ids[0]
        self.text(ids, segment)
        self.labels[-len(ids) : -1] = ids[1:]
        self.kinds.append(kind)


class Packer:
    """Turns samples into sequences of token ids."""

    def __init__(self, encode: Encoder) -> None:
        self.encode = encode
        self.turn = (IM_END, *encode("\n"), IM_START, *encode("assistant\n"))

    def _begin(self, sequence: Sequence, system: str) -> None:
        if system:
            sequence.text(
                (IM_START, *self.encode("system\n"), *self.encode(system), IM_END, *self.encode("\n"))
            )
        sequence.text((IM_START, *self.encode("user\n")))

    def _look(self, rng: Random, sequence: Sequence, sample: Sample, segment: int = 0) -> None:
        found = views(sample)
        if not sample.is_video:
            for view in found:
                sequence.view(view, IMAGE_PAD, segment)
            return
        seconds = rng.choice((1.0, 1.0, 0.5, 0.5, 0.25, 0.2, 1 / 3))
        sequence.text([VISION_START], segment)
        for number, view in enumerate(found):
            sequence.text(self.encode(f"<{(2 * number + 0.5) * seconds:.1f} seconds>"), segment)
            sequence.view(view, VIDEO_PAD, segment)
        sequence.text([VISION_END], segment)

    def pack(self, rng: Random, sample: Sample, system: str, longest: int = LONGEST) -> Sequence:
        """Pictures first, then as many of the sample's questions as fit, at least one."""
        sequence = Sequence()
        self._begin(sequence, system)
        self._look(rng, sequence, sample)
        begin = sequence.next
        for number, question in enumerate(sample.questions, 1):
            asked, answer = (*self.encode(question.text), *self.turn), (*self.encode(question.answer), IM_END)
            if number > 1 and len(sequence.ids) + len(asked) + len(answer) > longest:
                break
            sequence.next = begin
            sequence.text(asked, number)
            sequence.answer(answer, number, question.kind)
        return sequence

    def pack_after_text(self, rng: Random, sample: Sample, system: str) -> Sequence:
        """One question, before the picture."""
        sequence = Sequence()
        question = sample.questions[0]
        self._begin(sequence, system)
        sequence.text(self.encode(question.text))
        self._look(rng, sequence, sample)
        sequence.text(self.turn, 1)
        sequence.answer((*self.encode(question.answer), IM_END), 1, question.kind)
        return sequence
