"""Who asks: the holder of a key, the operator, or, where no keys exist, anyone on this machine."""

from __future__ import annotations

from typing import Literal

import msgspec


class Scopes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a key may ask for. An empty field allows all there is."""

    tasks: tuple[str, ...] = ()
    """Names of tasks; `chat` for a plain chat."""
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    """Patterns of paths, such as `/v1/*`."""
    lanes: tuple[str, ...] = ()


class Principal(msgspec.Struct, frozen=True):
    """Found out once a request, and never changed after that."""

    kind: Literal["key", "admin", "local"]
    key: str
    """The key's id, which is no secret."""
    tenant: str
    tier: str = ""
    """Name of the tier whose limits hold; empty for none."""
    scopes: Scopes = Scopes()


LOCAL = Principal("local", "local", "local")
"""Everyone, on a server that has no keys and listens on this machine only."""
ADMIN = Principal("admin", "admin", "admin")
"""The holder of the admin key."""
