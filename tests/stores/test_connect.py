"""Addresses of stores."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio.sentinel import SentinelConnectionPool

from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey, socket_path


def test_sentinels_are_named_with_their_master() -> None:
    client = connect(
        "rediss+sentinel://me:p%40ss@one:26379,two/cache/3?ssl_ca_certs=/ca.pem&sentinel_password=s", 0.1
    )
    pool = client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "cache"
    hosts = [sentinel.connection_pool.connection_kwargs for sentinel in pool.sentinel_manager.sentinels]
    assert [(host["host"], host["port"]) for host in hosts] == [("one", 26379), ("two", 26379)]
    assert pool.connection_kwargs["password"] == "p@ss"
    assert pool.connection_kwargs["db"] == 3
    for options in (pool.connection_kwargs, pool.sentinel_manager.sentinel_kwargs):
        assert options["ssl_ca_certs"] == "/ca.pem"
    assert pool.sentinel_manager.sentinel_kwargs["password"] == "s"


@pytest.mark.parametrize("scheme", ["redis", "rediss", "valkey", "valkeys"])
def test_single_servers_with_and_without_tls(scheme: str) -> None:
    kind = connect(f"{scheme}://store:6380/2", 0.1).connection_pool.connection_class.__name__
    assert kind == ("SSLConnection" if scheme.endswith("s") and scheme != "redis" else "Connection")


@pytest.mark.parametrize("url", ["http://store", "store:6379", "redis+sentinel://host:26379"])
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        connect(url, 0.1)


def test_a_long_folder_has_a_short_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    assert len(str(socket_path(folder))) < 100
    assert socket_path(folder) == socket_path(folder)
    assert socket_path(folder) != socket_path(tmp_path / ("x" * 121))


@pytest.mark.anyio
async def test_an_embedded_server_keeps_what_it_holds_over_a_crash(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path, appendfsync="always")
    await server.start()
    client = connect(server.url, 5)
    await client.set("key", "value")
    server.kill()
    await client.aclose()
    await server.aclose()
    again = EmbeddedValkey(tmp_path)
    await again.start()
    client = connect(again.url, 5)
    assert await client.get("key") == b"value"
    await client.aclose()
    await again.aclose()
