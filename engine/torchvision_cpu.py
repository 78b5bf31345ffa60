"""Applies `_site/sitecustomize.py` to this process and to every process it starts."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

_SITE = Path(__file__).parent / "_site"


def install() -> None:
    """Make torchvision importable on a CPU build of torch, here and in child processes."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(_SITE) in paths:
        return
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_SITE), *filter(None, paths)])
    runpy.run_path(str(_SITE / "sitecustomize.py"))
