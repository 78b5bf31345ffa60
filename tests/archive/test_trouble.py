"""A store that is away, slow or full costs no request anything; what is lost is counted."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

from gateway.archive import places
from gateway.cli import app
from gateway.settings import ArchiveSettings
from tests.archive.conftest import Kept, archiving, ask, bucket
from tests.conftest import Start
from tests.pictures import square

pytestmark = pytest.mark.anyio


async def figure(client: httpx.AsyncClient, name: str) -> float:
    text = (await client.get("/metrics")).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def until(client: httpx.AsyncClient, name: str, least: float) -> None:
    async with asyncio.timeout(20):
        while await figure(client, name) < least:
            await asyncio.sleep(0.02)


async def test_a_store_that_is_away_gets_everything_when_it_is_back(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    settings = ArchiveSettings(url=str(folder))
    async with archiving(settings) as client:
        folder.rmdir()
        folder.write_text("in the way")
        replies = [await ask(client, square("red"), f"Number {n}?") for n in range(5)]
        assert {reply.status_code for reply in replies} == {200}
        await until(client, "gateway_archive_failures_total", 1)
        assert await figure(client, "gateway_archive_waiting") == 5
        folder.unlink()
        await until(client, "gateway_archive_records_total", 5)
        assert await figure(client, "gateway_archive_waiting") == 0
        assert await figure(client, 'gateway_archive_dropped_total{reason="full"}') == 0
    questions = [(await Kept(settings).result(r)).question for r in await Kept(settings).records()]
    assert questions == [f"Number {n}?" for n in range(5)]


async def test_a_bucket_whose_server_comes_late_gets_everything(tmp_path: Path) -> None:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = bucket(f"http://{host}:{port}", "late")
    server.stop()
    async with archiving(settings) as client:
        assert (await ask(client, square("red"))).status_code == 200
        await until(client, "gateway_archive_failures_total", 1)
        server = ThreadedMotoServer(port=port, verbose=False)
        server.start()
        bucket(f"http://{host}:{port}", "late")
        await until(client, "gateway_archive_records_total", 1)
    assert len(await Kept(settings).records()) == 1
    server.stop()


@pytest.fixture
async def silent() -> Iterator[str]:
    """The address of a server that takes everything and answers nothing."""
    server = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_store_that_hangs_holds_nobody_up_and_what_is_too_much_is_counted(silent: str) -> None:
    settings = ArchiveSettings(
        url="s3://b", endpoint=silent, access_key="me", secret_key="s", waiting=4, timeout_s=0.5, drain_s=0.2
    )
    async with archiving(settings) as client:
        began = time.monotonic()
        replies = [await ask(client, square("red"), f"Number {n}?") for n in range(20)]
        assert time.monotonic() - began < 5
        assert {reply.status_code for reply in replies} == {200}
        assert await figure(client, 'gateway_archive_dropped_total{reason="full"}') == 16
        await until(client, "gateway_archive_failures_total", 1)
        began = time.monotonic()
    assert time.monotonic() - began < 3


async def test_media_that_wait_are_bounded_too(silent: str) -> None:
    settings = ArchiveSettings(
        url="s3://b", endpoint=silent, access_key="me", secret_key="s", waiting_mb=0.0003, drain_s=0
    )
    async with archiving(settings) as client:
        for n in range(5):
            await ask(client, square("red"), f"Number {n}?")
        assert await figure(client, 'gateway_archive_dropped_total{reason="full"}') >= 3


def test_at_the_end_what_waits_is_written(start: Start, tmp_path: Path) -> None:
    config = f"""
models: {{m: {{engine: {{kind: scripted}}}}}}
cache: {{url: none}}
state: {{url: none}}
safety: {{classify_images: false}}
archive: {{url: {tmp_path}/archive}}
"""
    server = start(config)
    with server.client() as client:
        for n in range(20):
            body = {"task": "vqa", "images": [square()], "text": f"Number {n}?"}
            assert client.post("/infer", json=body).status_code == 200
    server.process.terminate()
    assert server.process.wait(20) == 0
    records = asyncio.run(Kept(ArchiveSettings(url=str(tmp_path / "archive"))).records())
    assert len(records) == 20


def test_an_answer_that_its_client_leaves_is_not_kept(start: Start, tmp_path: Path) -> None:
    config = f"""
models: {{m: {{engine: {{kind: scripted, answer: {"word " * 200}, token_delay_ms: 10}}}}}}
cache: {{url: none}}
state: {{url: none}}
safety: {{classify_images: false}}
archive: {{url: {tmp_path}/archive}}
"""
    server = start(config)
    body = {"task": "vqa", "images": [square()], "text": "Which?"}
    with server.client() as client:
        with client.stream("POST", "/infer_stream", json=body) as reply:
            next(reply.iter_lines())
        with client.stream("POST", "/infer_stream", json=body) as reply:
            reply.read()
    server.process.terminate()
    assert server.process.wait(20) == 0
    assert len(asyncio.run(Kept(ArchiveSettings(url=str(tmp_path / "archive"))).records())) == 1


def test_the_doctor_tries_to_write(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    (tmp_path / "file").write_text("no folder")
    for url, state, status in (
        (tmp_path / "archive", "ok ", 0),
        (tmp_path / "file" / "archive", "broken", 1),
    ):
        engine = "{kind: scripted}"
        config.write_text(
            f"models: {{m: {{engine: {engine}}}}}\nserver: {{port: 0}}\narchive: {{url: {url}}}\n"
        )
        done = CliRunner().invoke(app, ["doctor", "--config", str(config)])
        line = next(line for line in done.output.splitlines() if "archive:" in line)
        assert (line.startswith(state), done.exit_code) == (True, status), done.output
    assert list((tmp_path / "archive").iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "{url: ftp://host/x}",
        "{url: relative}",
        "{url: 's3://'}",
        "{url: 's3://bucket/x?y=1'}",
        "{url: 's3://bucket', access_key: me}",
    ],
)
def test_settings_that_cannot_work_stop_the_start(wrong: str, tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"archive: {wrong}\n")
    done = CliRunner().invoke(app, ["serve", "--config", str(config)])
    assert (done.exit_code, "archive" in done.output, "Traceback" in done.output) == (2, True, False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting a small disk needs the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_fails_no_request_and_leaves_no_halves(small_disk: Path) -> None:
    settings = ArchiveSettings(url=str(small_disk / "archive"), drain_s=3)
    (small_disk / "ballast").write_bytes(bytes(220_000))
    async with archiving(settings) as client:
        for n in range(12):
            assert (await ask(client, square("red", 64 + n, "JPEG"), "?" * 1000)).status_code == 200
        await until(client, "gateway_archive_failures_total", 1)
        for path in [path for path in await Kept(settings).paths() if f"/{places.ORIGINALS}/" in path]:
            assert await Kept(settings).store.get(path)
        (small_disk / "ballast").unlink()
        await until(client, "gateway_archive_records_total", 12)
    assert len(await Kept(settings).records()) == 12
