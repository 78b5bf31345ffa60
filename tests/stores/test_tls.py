"""A store behind TLS: its certificate is checked, and one that does not pass costs no request."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey
from tests.dispatch.house import call, house
from tests.scripts import scripted
from tests.stores.servers import certificates, redis_with_tls, single

pytestmark = pytest.mark.anyio

CACHE = {"memory_ttl_s": 0, "timeout_ms": 2000}


@asynccontextmanager
async def tls_in_front(valkey: EmbeddedValkey, folder: Path) -> AsyncIterator[tuple[str, Path]]:
    """What ends TLS before a store, as many hosted ones have it; the address, and its authority's file."""
    ca, (certificate, key) = certificates(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(valkey.url.removeprefix("unix://"))
        await asyncio.gather(pump(reader, outer), pump(inner, writer), return_exceptions=True)

    async with await asyncio.start_server(pass_on, "127.0.0.1", 0, ssl=context) as server:
        yield f"rediss://127.0.0.1:{server.sockets[0].getsockname()[1]}", ca


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    await server.start()
    yield server
    await server.aclose()


async def test_answers_are_kept_behind_tls(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    async with tls_in_front(valkey, tmp_path) as (url, ca):
        async with house(scripted(), cache={"url": f"{url}?ssl_ca_certs={ca}", **CACHE}) as gateway:
            await gateway.ask(call())
            await gateway.services.answers.settled()
            again = call()
            await gateway.ask(again)
        assert again.notes.cache == "hit"


async def test_a_store_whose_certificate_nobody_vouches_for_is_not_spoken_to(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    async with (
        tls_in_front(valkey, tmp_path) as (url, _),
        house(scripted(), cache={"url": url, **CACHE}) as gateway,
    ):
        asked = call()
        await gateway.ask(asked)
        await gateway.services.answers.settled()
        assert asked.notes.cache == "miss"
        assert gateway.metric("gateway_cache_errors_total", what="read") == 1
        assert gateway.metric("gateway_cache_errors_total", what="write") == 1


@pytest.mark.tools
async def test_a_redis_that_takes_nothing_but_tls(tmp_path: Path) -> None:
    async with single(tmp_path / "store", redis_with_tls(tmp_path)) as server:
        client = connect(server.url, 5)
        await client.set("key", "value")
        assert await client.get("key") == b"value"
        await client.aclose()
