"""What training carries from step to step, and how it survives being killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.demo import precision
from engine.demo.crew import Crew
from engine.demo.model import Probes
from engine.demo.muon import Muon

BETAS = (0.9, 0.98)
DECAY = 0.02
TOWER_PACE = 0.6
"""The tower learns more slowly than the rest once answers are trained."""
CLIP = 1.0
MEMORY = 60
"""Steps over which the mean of the weights remembers: about half a minute on two cores that are free."""
MUON_GAIN = 2.5
"""Muon's learning rate relative to Adam's: its steps are of one size, and short training wants them large."""


class Optimizers:
    """Muon for the matrices inside the layers, AdamW for embeddings, mergers, heads, norms and biases."""

    def __init__(self, model: nn.Module, probes: Probes, lr: float, crew: Crew, joint: bool) -> None:
        self.lr = lr
        named = [
            (name, parameter) for name, parameter in model.named_parameters() if joint or ".visual." in name
        ]
        named += [(f"visual.probes.{name}", parameter) for name, parameter in probes.named_parameters()]
        self.parameters = [parameter for _, parameter in named]
        matrices = self._groups([pair for pair in named if _is_matrix(*pair)], joint)
        others = self._groups([pair for pair in named if not _is_matrix(*pair)], joint)
        self.muon = Muon(matrices, lr, crew, precision=precision.half())
        self.adam = torch.optim.AdamW(others, lr, BETAS, weight_decay=DECAY, fused=True)

    @staticmethod
    def _groups(named: list[tuple[str, nn.Parameter]], joint: bool) -> list[dict[str, Any]]:
        """Parameters by pace; each group keeps its pace beside its learning rate."""
        tower = [parameter for name, parameter in named if "visual." in name]
        rest = [parameter for name, parameter in named if "visual." not in name]
        groups = [{"params": tower, "pace": TOWER_PACE if joint else 1.0}, {"params": rest, "pace": 1.0}]
        return [group for group in groups if group["params"]]

    def step(self, factor: float) -> None:
        """Clips the gradients and takes one step at `factor` times the learning rate."""
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        for optimizer, gain in ((self.muon, MUON_GAIN), (self.adam, 1.0)):
            for group in optimizer.param_groups:
                group["lr"] = self.lr * factor * gain * group["pace"]
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> list[Any]:
        return [self.muon.state_dict(), self.adam.state_dict()]

    def load(self, state: list[Any]) -> None:
        self.muon.load_state_dict(state[0])
        self.adam.load_state_dict(state[1])


def _is_matrix(name: str, parameter: nn.Parameter) -> bool:
    """A weight inside a layer of the tower or of the language model."""
    inside = ".blocks." in name or ".layers." in name
    return inside and parameter.ndim >= 2 and "mlp.gate.weight" not in name


class State:
    """Model, probes, optimizers and the clock of one phase, in one file."""

    def __init__(self, path: Path, model: nn.Module, probes: Probes, optimizers: Optimizers) -> None:
        self.path, self.model, self.probes, self.optimizers = path, model, probes, optimizers
        self.step = 0
        self.seconds = 0.0
        """Processor time trained so far, over all runs."""
        self.level = 0
        self.mean = {name: weight.clone() for name, weight in model.state_dict().items()}
        """Running mean of the weights. It answers better than the weights while the learning rate is high."""
        if path.exists():
            self._load()

    def _load(self) -> None:
        saved = torch.load(self.path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(saved["model"])
        self.probes.load_state_dict(saved["probes"])
        self.optimizers.load(saved["optimizers"])
        self.mean = saved["mean"]
        self.step, self.seconds, self.level = saved["step"], saved["seconds"], saved["level"]

    def remember(self) -> None:
        """Counts one step, whose weights enter the mean."""
        self.step += 1
        share = max(1 / self.step, 1 / MEMORY)
        weights = self.model.state_dict()
        torch._foreach_lerp_([self.mean[name] for name in weights], list(weights.values()), share)

    def save(self) -> None:
        """Writes beside the old file, then takes its place, so that a kill leaves one of the two whole."""
        saved = {
            "model": self.model.state_dict(),
            "probes": self.probes.state_dict(),
            "optimizers": self.optimizers.state(),
            "step": self.step,
            "seconds": self.seconds,
            "level": self.level,
            "mean": self.mean,
        }
        fresh = self.path.with_suffix(".new")
        torch.save(saved, fresh)
        os.replace(fresh, self.path)


def load_weights(path: Path, model: nn.Module, probes: Probes, prefix: str = "") -> None:
    """Takes the weights whose name starts with `prefix`, and the probes, from another phase's file."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict({k: v for k, v in saved["model"].items() if k.startswith(prefix)}, strict=False)
    probes.load_state_dict(saved["probes"])
