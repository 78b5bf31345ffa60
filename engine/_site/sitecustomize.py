"""What every process of an embedded engine does first. Python runs this file at the start of every
process whose PYTHONPATH holds this folder: vLLM starts several of its own. See `engine/torchvision_cpu.py`.

It ends with the gateway, also where that is killed and can tell nobody: a process left behind would
hold its GPU's memory for ever.

It lets a CUDA build of torchvision be imported beside a CPU build of torch. PyPI's torchvision is
built for CUDA; on a CPU torch its operator library does not load and its import dies with "operator
torchvision::nms does not exist". Nothing here uses these operators, so declaring them is enough.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import select
import signal
import sys
import threading
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


_OWNER = "ENGINE_OWNER_PID"


def _end_with_the_owner():
    """Waits, beside everything else, for the end of the process that the environment names."""
    owner = os.environ.get(_OWNER)
    if not owner or int(owner) == os.getpid():
        return
    try:
        descriptor = os.pidfd_open(int(owner))
    except ProcessLookupError:
        os.kill(os.getpid(), signal.SIGKILL)
    except OSError:
        return  # a kernel before 5.3, or a sandbox without it
    else:
        threading.Thread(target=_wait, args=(descriptor,), daemon=True).start()


def _wait(descriptor):
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    os.kill(os.getpid(), signal.SIGKILL)


_end_with_the_owner()
os.register_at_fork(after_in_child=_end_with_the_owner)

if "torchvision" not in sys.modules:
    sys.meta_path.insert(0, _BeforeTorchvision())
