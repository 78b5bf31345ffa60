"""Processes of one thread each that average their gradients.

On cores that are shared with other work this is several times quicker than threads, which wait for
each other at the end of every product.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from torch import Tensor


@dataclass(slots=True)
class Crew:
    rank: int
    size: int
    meeting: Path
    """A file through which the processes find each other."""
    _joined: bool = False

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def join(self) -> None:
        """Waits for the others, the first time."""
        if self.size > 1 and not self._joined:
            where = f"file://{self.meeting.resolve()}"
            distributed.init_process_group("gloo", init_method=where, rank=self.rank, world_size=self.size)
            self._joined = True

    def average(self, parameters: list[Any]) -> None:
        """Replaces every gradient by its mean over all processes."""
        if self.size == 1:
            return
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        for parameter, part in zip(parameters, self.total(gradients), strict=True):
            parameter.grad = part / self.size

    def total(self, tensors: list[Tensor]) -> list[Tensor]:
        """Each tensor summed over all processes."""
        if self.size == 1:
            return tensors
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def agree(self, values: list[float]) -> list[float]:
        """What the leader has."""
        if self.size == 1:
            return values
        told = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(told, 0)
        return told.tolist()

    def align(self, tensors: list[Tensor]) -> None:
        """Gives everyone the leader's weights."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor.data, 0)


def _enter(
    rank: int, size: int, meeting: Path, work: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    work(Crew(rank, size, meeting), *arguments)


def run(size: int, folder: Path, work: Callable[..., None], *arguments: Any) -> None:
    """Calls `work(crew, *arguments)` in `size` processes, or right here for one."""
    if size == 1:
        work(Crew(0, 1, folder), *arguments)
        return
    meeting = folder / f"crew-{os.getpid()}"
    meeting.unlink(missing_ok=True)
    multiprocessing.start_processes(_enter, (size, meeting, work, arguments), size, start_method="spawn")
    meeting.unlink(missing_ok=True)
