"""Which addresses may be connected to: the rules alone, without any network."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from gateway.errors import ADDRESS_REFUSED, GatewayError
from gateway.settings import FetchSettings

_DOTTED = re.compile(r"(\d{1,3}\.){3}\d{1,3}")
_NUMERIC_END = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)\.?$", re.IGNORECASE)
"""Hosts that C libraries read as numbers: `127.1`, `0x7f.1`, `2130706433`."""
_HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.IGNORECASE)
_LONGEST = 4096
_LOOPBACK = IPv4Address("127.0.0.1")
_CARRIERS = tuple(
    map(IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"))
)
"""IPv6 networks whose addresses stand for IPv4 ones; none is needed to reach a public host."""
_INTERNAL = frozenset(map(ip_address, ("168.63.129.16", "192.88.99.1")))
"""Formally public, yet answered inside a cloud or by a relay."""
_PROTOCOLS = IPv4Network("192.0.0.0/24")
"""For protocols and no host of anyone; how much of it counts as public differs between Pythons."""


def parse(text: str, settings: FetchSettings) -> httpx.URL:
    """The address, if its form may be fetched. Raises `GatewayError`."""
    if len(text) > _LONGEST:
        raise refused("it is too long")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise refused("it is not a valid URL") from None
    if url.scheme not in ("http", "https"):
        raise refused("only http and https are fetched")
    if url.userinfo:
        raise refused("it holds a user name")
    port = (443 if url.scheme == "https" else 80) if url.port is None else url.port
    if settings.ports and port not in settings.ports:
        raise refused("its port is not allowed")
    _check_host(url.host, settings)
    return url


def _check_host(host: str, settings: FetchSettings) -> None:
    if _DOTTED.fullmatch(host) or ":" in host:
        check(literal(host), settings)
    elif _NUMERIC_END.search(host) or not _HOST_NAME.fullmatch(host):
        raise refused("its host is not a host name")
    elif f".{host}".rstrip(".").lower().endswith(".localhost"):
        check(_LOOPBACK, settings)
    if not allowed_domain(host, settings):
        raise refused("its domain is not allowed")


def literal(host: str) -> IPv4Address | IPv6Address:
    """The IP address that a host is written as. Raises `GatewayError` for odd notations."""
    try:
        return ip_address(host)
    except ValueError:
        raise refused("its host is not a host name") from None


def allowed_domain(host: str, settings: FetchSettings) -> bool:
    """Whether the host is one of the allowed domains or below one; any, where none is named."""
    host = host.rstrip(".").lower()
    domains = [domain.strip(".").lower() for domain in settings.allow_domains]
    return not domains or any(host == domain or host.endswith(f".{domain}") for domain in domains)


def check(address: IPv4Address | IPv6Address, settings: FetchSettings) -> None:
    """Raises `GatewayError` unless the address is public or in a network that is configured."""
    if any(address in network for network in settings.private_networks):
        return
    if not is_public(address):
        raise refused("it does not lead to a public host")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and (
        address.scope_id or address.is_site_local or any(address in network for network in _CARRIERS)
    ):
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address not in _INTERNAL
        and address not in _PROTOCOLS
    )


def refused(why: str) -> GatewayError:
    return GatewayError(ADDRESS_REFUSED, f"The address is not fetched: {why}.")
