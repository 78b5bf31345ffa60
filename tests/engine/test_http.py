"""The HTTP client against servers that answer in every way that HTTP/1.1 knows, and in none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from engine.http.origin import Origin
from engine.http.pool import Pool, Unreachable
from engine.http.reply import NoReply, ask

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request of each connection with `answer`; remembers what it read."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.connections = 0
        self.requests: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
                self.requests.append(head + await reader.readexactly(length))
                await self._answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Server, Pool]]:
    server = Server(answer)
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    pool = Pool(Origin.of(f"http://127.0.0.1:{port}/v1", "sk-1"), 5)
    try:
        yield server, pool
    finally:
        pool.close()
        listener.close()


def answers(*writes: bytes, then_close: bool = False) -> Answer:
    """Each of the writes in a turn of its own."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for data in writes:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(0.001)
        if then_close:
            writer.close()

    return answer


async def body(pool: Pool, timeout_s: float = 5) -> bytes:
    reply = await ask(pool, pool.origin.post("/chat", b"{}"), timeout_s)
    try:
        return await reply.read()
    finally:
        reply.close()


async def test_a_request_says_where_it_goes_and_who_asks() -> None:
    async with serving(answers(WHOLE)) as (server, pool):
        assert await body(pool) == b"ok"
        head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/chat HTTP/1.1\r\nhost: 127.0.0.1:")
    assert b"\r\nauthorization: Bearer sk-1" in head
    assert sent == b"{}"


async def test_a_connection_serves_one_request_after_the_other() -> None:
    async with serving(answers(WHOLE)) as (server, pool):
        for _ in range(3):
            assert await body(pool) == b"ok"
    assert server.connections == 1


async def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    async with serving(answers(WHOLE)) as (server, pool):
        assert await asyncio.gather(*(body(pool) for _ in range(3))) == [b"ok"] * 3
    assert server.connections == 3


@pytest.mark.parametrize(
    "answer",
    [
        answers(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n", b"1\r\nk\r\n", b"0\r\n\r\n"
        ),
        answers(b"HTTP/1.1 200 OK\r\nContent-Le", b"ngth: 2\r\n\r\no", b"k"),
        answers(b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE),
        answers(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\no", b"k", then_close=True),
        answers(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", then_close=True),
    ],
    ids=["chunks", "in pieces", "after a 100", "until the end", "closed after it"],
)
async def test_a_body_is_read_however_its_end_is_told(answer: Answer) -> None:
    async with serving(answer) as (_, pool):
        assert await body(pool) == b"ok"
        assert await body(pool) == b"ok"


async def test_lines_come_whole_however_they_are_cut() -> None:
    text = b"data: 1\r\n\r\ndata: \xe4\xb8\x80\n\ndata: [DONE]"
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text)
    async with serving(answers(head, *(bytes([byte]) for byte in text))) as (_, pool):
        reply = await ask(pool, pool.origin.get("/chat"), 5)
        lines = [line async for line in reply.lines()]
        reply.close()
    assert lines == [b"data: 1", b"", b"data: \xe4\xb8\x80", b"", b"data: [DONE]"]


async def test_more_than_the_client_takes_at_once_waits_at_the_server() -> None:
    size = 40_000_000
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    done = asyncio.Event()

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + bytes(size))
        await writer.drain()
        done.set()

    async with serving(answer) as (server, pool):
        reply = await ask(pool, pool.origin.get("/chat"), 5)
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert not done.is_set()
        assert len(await reply.read()) == size
        reply.close()
        assert len(await body(pool)) == size
    assert server.connections == 1


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_request() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) != 2:
            writer.write(WHOLE)
        else:
            writer.close()  # just as the second request goes out

    async with serving(answer) as (server, pool):
        assert await body(pool) == b"ok"
        assert await body(pool) == b"ok"
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_new_connection_without_a_reply_is_a_failure_and_not_asked_again() -> None:
    async with serving(answers(then_close=True)) as (server, pool):
        with pytest.raises(NoReply):
            await body(pool)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ],
)
async def test_half_a_reply_is_a_failure(said: bytes) -> None:
    async with serving(answers(said, then_close=True)) as (_, pool):
        with pytest.raises(ConnectionError):
            await body(pool)


async def test_what_is_no_http_is_a_failure() -> None:
    async with serving(answers(b"220 mail.example.com ESMTP\r\n")) as (_, pool):
        with pytest.raises(ConnectionError):
            await body(pool)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"])
async def test_a_server_that_falls_silent_is_given_up(said: bytes) -> None:
    async with serving(answers(said)) as (_, pool):
        with pytest.raises(TimeoutError):
            await body(pool, timeout_s=0.05)


async def test_a_server_that_speaks_slowly_is_not_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n"
    async with serving(answers(head, *[b"."] * 60)) as (_, pool):
        assert len(await body(pool, timeout_s=0.05)) == 60


async def test_leaving_before_the_end_closes_the_connection() -> None:
    gone = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
        assert await reader.read() == b""
        gone.set()

    async with serving(answer) as (_, pool):
        reply = await ask(pool, pool.origin.get("/chat"), 5)
        reply.close()
        async with asyncio.timeout(5):
            await gone.wait()


async def test_nobody_there_is_unreachable() -> None:
    async with serving(answers(WHOLE)) as (_, pool):
        pass
    with pytest.raises(Unreachable):
        await body(pool)


def test_a_header_cannot_begin_another_one() -> None:
    with pytest.raises(ValueError, match="breaks its line"):
        Origin.of("http://far").post("/chat", b"", {"tracestate": "a\r\nx-admin: yes"})


@pytest.mark.parametrize("wrong", ["far", "ftp://far", "http://", ""])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Origin.of(wrong)
