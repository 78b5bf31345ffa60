"""Applies `_site/sitecustomize.py` to this process and to every process it starts."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

_SITE = Path(__file__).parent / "_site"


def install() -> None:
    """Make torchvision importable on a CPU build of torch, here and in child processes."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(_SITE) not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([str(_SITE), *filter(None, paths)])
    # Imported rather than run: the operators it declares live as long as the module.
    importlib.import_module("engine._site.sitecustomize")
