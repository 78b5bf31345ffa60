"""A PostgreSQL of a test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.deploy.tools import LIBRARIES, TOOLS

_HOMES = (TOOLS / "lib/postgresql", Path("/usr/lib/postgresql"))
_NOBODY = "nobody"
"""PostgreSQL refuses to run as root."""


class Database:
    """Listens on a Unix socket in a folder of its own, which goes with it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="qwen-vl-pg-"))
        self._as: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "cwd": "/"}
        self._as["env"] = os.environ | {"LD_LIBRARY_PATH": str(LIBRARIES)}
        if os.geteuid() == 0:
            shutil.chown(self._folder, _NOBODY)
            self._as["user"] = _NOBODY
        self._run("initdb", "-U", "gateway", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql://gateway@/postgres?host={self._folder}"

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-c listen_addresses= -c unix_socket_directories={self._folder} -c fsync=off"
        self._run("pg_ctl", "start", "-w", "-l", str(self._folder / "log"), "-o", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "immediate")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def _run(self, name: str, *flags: str) -> None:
        program, data = _program(name), self._folder / "data"
        done = subprocess.run([str(program), "-D", str(data), *flags], text=True, timeout=60, **self._as)
        assert done.returncode == 0, done.stdout


def _program(name: str) -> Path:
    """Where it is. Fails with the cure where it is not."""
    found = [path for home in _HOMES for path in sorted(home.glob(f"*/bin/{name}"), reverse=True)]
    assert found, "run: tests/deploy/install.sh"
    return found[0]
