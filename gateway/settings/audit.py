"""The settings of the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from gateway.settings.section import Section


class AuditSettings(Section):
    sink: Literal["file", "stdout", "stream", "none"] = Field(
        default="file",
        description="Where a line for each request goes: `file` (a file a day), `stdout`, `stream` (in Redis "
        "or Valkey, see `url`), or `none`.",
    )
    folder: Path | None = Field(
        default=None, description="Folder of the files; `audit` in the data folder where empty."
    )
    days: int = Field(default=180, ge=1, description="Days that the files are kept.")
    url: str | None = Field(default=None, description="Address of the store with the stream, as `redis://…`.")
    stream_length: int = Field(default=1_000_000, ge=1, description="About how many lines the stream keeps.")
    waiting: int = Field(
        default=10_000, ge=1, description="Lines that wait in memory while the sink is slow or fails."
    )
    when_full: Literal["refuse", "drop"] = Field(
        default="drop",
        description="Once so many wait: `refuse` requests until there is room, so that none goes unrecorded, "
        "or `drop` their lines and count them.",
    )
    probes: bool = Field(
        default=False, description="Whether `/health`, `/ready` and `/metrics` have lines too."
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> AuditSettings:
        if self.sink == "stream" and not self.url:
            raise ValueError("the stream needs audit.url")
        return self
