"""Programs that are no Python packages: Prometheus, promtool, HAProxy, PostgreSQL, Redis."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.servers import ROOT

TOOLS = ROOT / ".tools/usr"
LIBRARIES = TOOLS / "lib/x86_64-linux-gnu"


def tool(name: str) -> Path:
    """Where it is. Fails with the cure where it is not."""
    found = [TOOLS / folder / name for folder in ("bin", "sbin") if (TOOLS / folder / name).exists()]
    assert found, "run: tests/deploy/install.sh"
    return found[0]


def start(name: str, *flags: str, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [str(tool(name)), *flags],
            stdout=output,
            stderr=output,
            env=os.environ | {"LD_LIBRARY_PATH": str(LIBRARIES)},
        )
