"""A line for every request, whatever becomes of it, and nothing in it that is nobody's business."""

from __future__ import annotations

import errno
import gzip
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from prometheus_client import CollectorRegistry

from gateway.accounts.store import KeyStore
from gateway.audit.file import FileSink
from gateway.audit.sinks import StreamSink
from gateway.audit.writer import Writer
from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey
from gateway.telemetry import Telemetry
from tests.conftest import Start
from tests.pictures import square

pytestmark = pytest.mark.anyio


REQUESTS = 700


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """The whole lines so far: the last one may be on its way."""
    texts = [path.read_text() for path in sorted(folder.glob("*.jsonl"))]
    lines = [line for text in texts for line in text.splitlines(keepends=True)]
    return [json.loads(line) for line in lines if line.endswith("\n")]


def config(data: Path, state: str, **audit: Any) -> str:
    return json.dumps(
        {
            "server": {"data_dir": str(data)},
            "models": {
                "m": {"engine": {"kind": "scripted", "answer": "a secret answer " * 300, "token_delay_ms": 2}}
            },
            "cache": {"url": "none"},
            "state": {"url": state},
            "safety": {"classify_images": False},
            "accounts": {"tiers": {"test": {}, "slow": {"requests_per_minute": 5}}},
            "audit": audit,
        }
    )


async def test_under_load_every_request_has_its_line(
    start: Start, store: EmbeddedValkey, tmp_path: Path
) -> None:
    client = connect(store.url, 5)
    keys = KeyStore(client)
    (_, good), (_, slow) = [await keys.create(tenant="acme", tier=tier) for tier in ("test", "slow")]
    await client.aclose()
    server = await anyio.to_thread.run_sync(start, config(tmp_path / "data", store.url))
    sent: Counter[str] = Counter()

    async def ask(http: httpx.AsyncClient, number: int) -> None:
        kind = ("good", "stream", "gone", "limited", "wrong", "unknown", "nowhere")[number % 7]
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": "a secret question"}],
            "max_tokens": 20,
        }
        headers = {"authorization": f"Bearer {good}", "x-request-id": f"{kind}-{number}"}
        path = "/v1/chat/completions"
        match kind:
            case "stream":
                body["stream"] = True
            case "gone":
                body |= {"stream": True, "max_tokens": 900}
            case "limited":
                headers["authorization"] = f"Bearer {slow}"
            case "wrong":
                body["temperature"] = "hot"
            case "unknown":
                headers["authorization"] = "Bearer sk-nobodys"
            case "nowhere":
                path = "/v1/nowhere"
        async with http.stream("POST", path, json=body, headers=headers) as reply:
            if kind == "gone":
                async for _ in reply.aiter_lines():
                    break
            else:
                await reply.aread()
        sent[kind] += 1

    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http, anyio.create_task_group() as group:
        limit = anyio.Semaphore(32)

        async def one(number: int) -> None:
            async with limit:
                await ask(http, number)

        for number in range(REQUESTS):
            group.start_soon(one, number)
    folder = tmp_path / "data" / "audit"
    with anyio.fail_after(20):
        while len(lines_of(folder)) < REQUESTS:
            await anyio.sleep(0.05)
    found = {line["request_id"]: line for line in lines_of(folder)}
    assert len(lines_of(folder)) == len(found) == REQUESTS
    kinds = Counter(name.partition("-")[0] for name in found)
    assert kinds == sent
    codes = {kind: {found[n]["code"] for n in found if n.startswith(kind)} for kind in kinds}
    assert codes == {
        "good": {0}, "stream": {0}, "gone": {None}, "limited": {0, 4003}, "wrong": {1000}, "unknown": {4001},
        "nowhere": {1007},
    }  # fmt: skip
    assert all(line["aborted"] == (name.startswith("gone")) for name, line in found.items())
    limited = next(line for line in found.values() if line["code"] == 4003)
    assert (limited["rule"], limited["tenant"], limited["status"]) == ("limit.requests", "acme", 429)
    text = "".join(path.read_text() for path in folder.glob("*.jsonl"))
    for secret in (good, slow, "secret question", "secret answer"):
        assert secret not in text


async def test_a_line_says_who_asked_what_and_what_it_came_to(start: Start, tmp_path: Path) -> None:
    server = await anyio.to_thread.run_sync(start, config(tmp_path / "data", "none"))
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        await http.get("/health")
        await http.post("/infer", json={"task": "captioning", "images": [square()]})
    folder = tmp_path / "data" / "audit"
    with anyio.fail_after(20):
        while not lines_of(folder):
            await anyio.sleep(0.05)
    (line,) = lines_of(folder)
    assert line["client"] == "127.0.0.1"
    assert (line["wire"], line["task"], line["model"], line["answered_by"]) == (
        "tasks",
        "captioning",
        "m",
        "m",
    )
    assert (line["key"], line["lane"], line["cache"], line["stream"]) == (
        "local",
        "interactive",
        "bypass",
        False,
    )
    assert line["media"][0]["kind"] == "image"
    assert len(line["media"][0]["sha256"]) == 64
    assert line["output_tokens"] > 0
    assert line["image_tokens"] > 0
    assert (folder.stat().st_mode & 0o777, next(folder.iterdir()).stat().st_mode & 0o777) == (0o700, 0o600)


class Disk:
    """A sink whose disk can be full."""

    def __init__(self) -> None:
        self.room = threading.Event()
        self.tried = threading.Event()
        self.lines: list[bytes] = []

    def write(self, lines: Sequence[bytes]) -> None:
        self.tried.set()
        if not self.room.is_set():
            raise OSError(errno.ENOSPC, "No space left on device")
        self.lines.extend(lines)

    def close(self) -> None:
        pass


def test_lines_wait_for_a_full_disk_and_beyond_that_are_counted() -> None:
    disk, registry = Disk(), CollectorRegistry()
    writer = Writer(disk, 3, Telemetry(registry), pause_s=0.01)
    writer.start()
    for number in range(5):
        writer.add(b"%d\n" % number)
    assert writer.full
    assert registry.get_sample_value("gateway_audit_dropped_total") == 2
    disk.tried.wait(5)
    disk.room.set()
    writer.close()
    assert disk.lines == [b"0\n", b"1\n", b"2\n"]
    assert registry.get_sample_value("gateway_audit_failures_total") > 0
    assert registry.get_sample_value("gateway_audit_lines_total") == 3


def test_where_nothing_may_go_unrecorded_what_still_runs_is_kept_too() -> None:
    disk, registry = Disk(), CollectorRegistry()
    writer = Writer(disk, 3, Telemetry(registry), pause_s=0.01, drops=False)
    writer.start()
    for number in range(5):
        writer.add(b"%d\n" % number)
    assert writer.full
    disk.room.set()
    writer.close()
    assert disk.lines == [b"%d\n" % number for number in range(5)]


async def test_where_nothing_may_go_unrecorded_requests_are_refused_while_the_disk_is_full(
    start: Start, tmp_path: Path
) -> None:
    (tmp_path / "no-folder").write_text("a file where the folder should be")
    settings = config(
        tmp_path / "data", "none", folder=str(tmp_path / "no-folder"), waiting=2, when_full="refuse"
    )
    server = await anyio.to_thread.run_sync(start, settings)
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        codes = [(await http.get("/v1/models")).status_code for _ in range(4)]
        assert codes == [200, 200, 503, 503]
        assert (await http.get("/health")).status_code == 200
        (tmp_path / "no-folder").unlink()
        with anyio.fail_after(20):
            while (await http.get("/v1/models")).status_code != 200:
                await anyio.sleep(0.05)
    assert [line["path"] for line in lines_of(tmp_path / "no-folder")][:2] == ["/v1/models"] * 2


def test_a_slow_sink_holds_up_nobody_and_loses_nothing_that_may_wait(tmp_path: Path) -> None:
    """A named pipe that nobody reads: what writes to it stands still until somebody does."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    sink, registry = FileSink(tmp_path, 10), CollectorRegistry()
    sink.write([b"first\n"])
    os.dup2(os.open(pipe, os.O_WRONLY), sink._file or 0)
    lines = [b"%d %b\n" % (number, b"x" * 1000) for number in range(500)]
    writer = Writer(sink, len(lines), Telemetry(registry))
    writer.start()
    began = time.monotonic()
    for line in (*lines, b"one too many\n"):
        writer.add(line)
    assert time.monotonic() - began < 1
    assert registry.get_sample_value("gateway_audit_dropped_total") == 1
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as file:
        assert [file.readline() for _ in lines] == lines
    writer.close()


def test_a_half_written_batch_goes_on_where_it_stopped(tmp_path: Path) -> None:
    sink = FileSink(tmp_path, 10)
    sink.write([b"first\n"])
    real, sink._file = sink._file, os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OSError, match="No space left"):
        sink.write([b"second\n"])
    sink._file, sink._taken = real, 3  # a disk that took three bytes
    sink.write([b"second\n", b"third\n"])
    sink.close()
    assert next(tmp_path.glob("*.jsonl")).read_bytes() == b"first\nond\nthird\n"


def test_files_are_packed_by_day_and_deleted_in_time(tmp_path: Path) -> None:
    today = [date(2026, 11, 20)]
    sink = FileSink(tmp_path, 10, lambda: today[0])
    other = FileSink(tmp_path, 10, lambda: date(2026, 11, 20))
    sink.write([b"one\n"])
    (tmp_path / "audit-2026-11-09-1.jsonl.gz").write_bytes(b"old")
    (tmp_path / "audit-2026-11-19-2.jsonl").write_bytes(b"of a process that is gone\n")
    (tmp_path / "notes.txt").write_text("not ours")
    today[0] = date(2026, 11, 21)
    sink.write([b"two\n"])
    other.close()
    sink.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    pid = os.getpid()
    assert names == [
        "audit-2026-11-19-2.jsonl.gz", f"audit-2026-11-20-{pid}.jsonl.gz",
        f"audit-2026-11-21-{pid}.jsonl", "notes.txt",
    ]  # fmt: skip
    assert gzip.decompress((tmp_path / names[0]).read_bytes()) == b"of a process that is gone\n"


async def test_a_stream_takes_lines_too(store: EmbeddedValkey) -> None:
    sink = StreamSink(store.url, 100)
    sink.write([b'{"a":1}\n', b'{"a":2}\n'])
    client = connect(store.url, 5)
    entries: Any = await client.xrange("qwen-vl:audit")
    assert [fields[b"line"] for _, fields in entries] == [b'{"a":1}', b'{"a":2}']
    await client.aclose()
    sink.close()


def test_a_stream_that_is_away_takes_nothing_and_says_so() -> None:
    sink = StreamSink("redis://:secret@127.0.0.1:9", 100)
    with pytest.raises(OSError, match=r"^ConnectionError$"):
        sink.write([b"{}\n"])
    sink.close()


async def test_lines_on_standard_output_are_whole_lines_among_others(start: Start, tmp_path: Path) -> None:
    server = await anyio.to_thread.run_sync(start, config(tmp_path / "data", "none", sink="stdout"))
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        for _ in range(20):
            await http.get("/v1/models")
    with anyio.fail_after(20):
        while server.log.read_text().count('"path":"/v1/models"') < 20:
            await anyio.sleep(0.05)
    lines = [line for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert [json.loads(line)["status"] for line in lines] == [200] * 20
    assert not (tmp_path / "data" / "audit").exists()
