"""Muon (Jordan et al., 2024): momentum made orthogonal. Here it needs far fewer pictures than Adam."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from engine.demo.crew import Crew

_A, _B, _C = 3.4445, -4.7750, 2.0315
"""Coefficients of the quintic Newton-Schulz step."""


def orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """Nearly orthogonal matrices with the same singular vectors; [..., rows, columns]."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.mT if tall else x


class Muon(Optimizer):
    """For weight matrices, or stacks of them [experts, rows, columns]; all else belongs to AdamW.

    The update is scaled to the size that Adam's would have, so both share one learning rate. Each process of
    the crew makes a part of the updates orthogonal, which costs as much as several sequences.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        crew: Crew,
        momentum: float = 0.95,
        decay: float = 0.02,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "decay": decay})
        self._crew, self._precision = crew, precision

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        taken = [
            (parameter, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        directions = [self._direction(parameter, group["momentum"]) for parameter, group in taken]
        for index, direction in enumerate(directions):
            own = index % self._crew.size == self._crew.rank
            directions[index] = orthogonal(direction) if own else torch.zeros_like(direction)
        for (parameter, group), update in zip(taken, self._crew.total(directions), strict=True):
            size = 0.2 * max(parameter.shape[-2:]) ** 0.5
            parameter.mul_(1 - group["lr"] * group["decay"])
            parameter.add_(update, alpha=-group["lr"] * size)

    def _direction(self, parameter: Tensor, momentum: float) -> Tensor:
        """The gradient with its momentum, in the precision in which products are quick."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(parameter)
        kept = state["momentum"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(kept, momentum).to(self._precision)
