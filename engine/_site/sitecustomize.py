"""Lets a CUDA build of torchvision be imported beside a CPU build of torch.

PyPI's torchvision is built for CUDA; on a CPU torch its operator library does not load and
its import dies with "operator torchvision::nms does not exist". Nothing here uses these
operators, so declaring them is enough. Python runs this file at the start of every process
whose PYTHONPATH holds this folder: vLLM starts several of its own. See `engine/torchvision_cpu.py`.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_libraries = []  # a torch Library takes its operators with it when it is collected


def _is_cuda_build(spec):
    version = Path(spec.origin).with_name("version.py")
    return version.exists() and "+cu" in version.read_text(encoding="utf-8")


def _declare_operators():
    import torch

    if torch.version.cuda is None and not hasattr(torch.ops.torchvision, "nms"):
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        _libraries.append(library)


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """Acts once, when torchvision is about to be imported, and finds nothing itself."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None and spec.origin and _is_cuda_build(spec):
                _declare_operators()
        return


if "torchvision" not in sys.modules:
    sys.meta_path.insert(0, _BeforeTorchvision())
