"""What a request holds of the limits of its key and its tenant."""

from __future__ import annotations

import itertools
import secrets
import time
from functools import lru_cache
from hashlib import sha256

import msgspec

from gateway.accounts.limits import Limits
from gateway.principal import Principal

_PROCESS = secrets.token_hex(6)
_numbers = itertools.count()


class Reservation(msgspec.Struct):
    """It is held until it is settled."""

    id: str
    """Its own, since clients may choose the ids of their requests."""
    key: str
    tenant: str
    limits: Limits
    month: str
    """UTC, as `2026-11`: that in which it began, whenever it ends."""
    in_store: bool = True

    @classmethod
    def begin(cls, principal: Principal, limits: Limits) -> Reservation:
        number, month = f"{_PROCESS}-{next(_numbers)}", time.strftime("%Y-%m", time.gmtime())
        return cls(number, principal.key, principal.tenant, limits, month)

    @property
    def of_key(self) -> Account:
        suffix = "" if self.limits.counted == "requests" else f":{self.limits.counted}"
        return _account(self.tenant, self.key + suffix, self.month)

    @property
    def of_tenant(self) -> Account:
        return _account(self.tenant, "tenant", self.month)


class Account(msgspec.Struct, frozen=True):
    """Names in the store."""

    sums: str
    """What was done in the last minute, and what is held."""
    leases: str
    """What runs, by when it lapses."""
    spent: str
    """What the month has come to."""


@lru_cache(4096)
def _account(tenant: str, holder: str, month: str) -> Account:
    """In a cluster the braces keep all of a tenant together. A digest of it, since it may hold braces."""
    name = f"qwen-vl:{{{sha256(tenant.encode()).hexdigest()[:16]}}}:{holder}"
    return Account(f"{name}:account", f"{name}:leases", f"{name}:spent:{month}")
