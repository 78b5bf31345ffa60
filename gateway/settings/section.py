"""What every part of the configuration is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration: frozen, and without room for misspelt names."""

    model_config = ConfigDict(frozen=True, extra="forbid")
