"""What a sink of the audit log is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Sink(Protocol):
    """Takes lines for good. It is called in a thread of its own, and may block."""

    def write(self, lines: Sequence[bytes]) -> None:
        """Append lines, each with its newline. Raises `OSError` where not all could be taken; the same
        lines then come again, and must not be written twice."""
        ...

    def close(self) -> None: ...
