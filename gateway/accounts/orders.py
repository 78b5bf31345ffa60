"""Orders for keys as people write them, checked before anything is made."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from ipaddress import ip_network
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.accounts.scopes import PLAIN_CHAT
from gateway.principal import Scopes
from gateway.runtime.backlog import LANES
from gateway.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])")
_LONGEST_S = 100 * 365 * 86400
_ORIGIN = re.compile(r"https?://[^/\s]+")

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Names end up in terminals, logs and databases, which take such characters for something else."""

Name = Annotated[str, Meta(max_length=128)]
Names = Annotated[tuple[Name, ...], Meta(max_length=64)]


class NewKey(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a key is made from. Empty scopes, origins and networks allow all."""

    tenant: Annotated[str, Meta(min_length=1, max_length=128)]
    name: Name = ""
    tier: Name | None = None
    tasks: Names = ()
    models: Names = ()
    endpoints: Names = ()
    lanes: Names = ()
    expires_in: Name | None = None
    """As `90d`; empty for never."""
    origins: Names = ()
    networks: Names = ()
    metadata: Annotated[dict[Name, Name], Meta(max_length=32)] = {}


def key_fields(order: NewKey, settings: Settings, tasks: Iterable[str]) -> dict[str, Any]:
    """The fields of an `ApiKey`. Raises `ValueError` with a sentence about what is wrong."""
    for text in (order.tenant, order.name, *order.endpoints, *order.metadata, *order.metadata.values()):
        if _UNPRINTABLE.search(text):
            raise ValueError(f"{text!a} holds characters that cannot be printed.")
    tier = order.tier or settings.accounts.default_tier
    _known("tier", (tier,), settings.accounts.tiers)
    _known("task", order.tasks, (PLAIN_CHAT, *tasks))
    _known("lane", order.lanes, LANES)
    for origin in order.origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no web origin, such as https://app.example.com.")
    return {
        "tenant": order.tenant,
        "name": order.name,
        "tier": tier,
        "scopes": Scopes(order.tasks, _models(order.models, settings), order.endpoints, order.lanes),
        "expires": None if order.expires_in is None else time.time() + seconds(order.expires_in),
        "origins": order.origins,
        "networks": tuple(map(_network, order.networks)),
        "metadata": order.metadata,
    }


def seconds(text: str) -> int:
    """`90d`, `12h`, `30m` or `60s` in seconds. Raises `ValueError`."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is no time, such as 90d, 12h or 30m.")
    if (length := int(found[1]) * _UNITS[found[2]]) > _LONGEST_S:
        raise ValueError(f"{text!r} is longer than 100 years.")
    return length


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"There is no {what} {name!r}; there are {', '.join(known)}.")


def _models(names: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    """The models' own names, for those that were named by an alias."""
    own = {alias: name for name, model in settings.models.items() for alias in (name, *model.aliases)}
    own |= {name: name for name in settings.adapters}
    _known("model", names, own)
    return tuple(own[name] for name in names)


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False))
    except ValueError:
        raise ValueError(f"{text!r} is no network, such as 10.0.0.0/8.") from None


def order_of(value: Any) -> NewKey:
    """Raises `msgspec.ValidationError`."""
    return msgspec.convert(value, NewKey)
