"""What is kept of a key. Never its text: that is shown once, when it is made."""

from __future__ import annotations

import time
from ipaddress import ip_address, ip_network
from typing import Literal

import msgspec

from gateway.accounts.secret import digest_of
from gateway.errors import FORBIDDEN, UNAUTHENTICATED, GatewayError
from gateway.principal import Principal, Scopes

Status = Literal["active", "disabled", "revoked", "expired"]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Times are Unix seconds."""

    id: str
    digest: str
    tenant: str
    tier: str
    created: float
    name: str = ""
    hint: str = ""
    """The last characters of the key, to tell it from others."""
    scopes: Scopes = Scopes()
    expires: float | None = None
    disabled: bool = False
    revoked: float | None = None
    origins: tuple[str, ...] = ()
    """Web origins that may use it; empty for all callers, browser or not."""
    networks: tuple[str, ...] = ()
    """Networks that it may be used from; empty for all."""
    metadata: dict[str, str] = {}
    old_digest: str | None = None
    """Digest of the text before the last rotation."""
    old_until: float = 0
    """When that one ends."""

    @property
    def status(self) -> Status:
        if self.revoked is not None:
            return "revoked"
        if self.expires is not None and self.expires <= time.time():
            return "expired"
        return "disabled" if self.disabled else "active"

    @property
    def principal(self) -> Principal:
        return Principal("key", self.id, self.tenant, self.tier, self.scopes)

    def matches(self, digest: str) -> bool:
        """Whether this is the digest of its text, or of the one before while that still holds."""
        return digest == self.digest or (digest == self.old_digest and time.time() < self.old_until)

    def check(self, client: str | None, origin: str | None) -> None:
        """Whether it may be used now, from there. Raises `GatewayError`."""
        if (status := self.status) != "active":
            raise GatewayError(UNAUTHENTICATED, f"The API key is {status}.", rule=f"key.{status}")
        if self.origins and origin not in self.origins:
            raise GatewayError(
                FORBIDDEN, "The API key may not be used from this web origin.", rule="key.origin"
            )
        if self.networks and not _within(client, self.networks):
            raise GatewayError(
                FORBIDDEN, "The API key may not be used from this address.", rule="key.network"
            )


def _within(client: str | None, networks: tuple[str, ...]) -> bool:
    try:
        address = ip_address(client or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ip_network(network) for network in networks)


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the operator sees it."""

    id: str
    name: str
    hint: str
    tenant: str
    tier: str
    status: Status
    scopes: dict[str, tuple[str, ...]]
    origins: tuple[str, ...]
    networks: tuple[str, ...]
    metadata: dict[str, str]
    created: float
    expires: float | None


def view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        hint=f"sk-…{key.hint}",
        tenant=key.tenant,
        tier=key.tier,
        status=key.status,
        scopes={field: getattr(key.scopes, field) for field in Scopes.__struct_fields__},
        origins=key.origins,
        networks=key.networks,
        metadata=key.metadata,
        created=key.created,
        expires=key.expires,
    )


def keep(key: ApiKey, secret: str) -> ApiKey:
    """The key with another text."""
    return msgspec.structs.replace(key, digest=digest_of(secret), hint=secret[-4:])
