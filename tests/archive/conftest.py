"""A disk and a bucket to keep an archive in, and what lies there afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from engine.scripted import ScriptedEngine
from gateway.archive import places
from gateway.archive.base import Store
from gateway.archive.record import Record, Result, decode_result
from gateway.archive.removal import read_records
from gateway.archive.store import open_store
from gateway.settings import ArchiveSettings, Settings
from tests.conftest import QUICK, scripted_gateway
from tests.scripts import scripted


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """The address of a server that speaks S3."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["disk", "bucket"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> ArchiveSettings:
    """Settings of an empty archive, on the disk and in a bucket."""
    if request.param == "disk":
        return ArchiveSettings(url=str(tmp_path / "archive"))
    return bucket(request.getfixturevalue("s3"), f"b{abs(hash(tmp_path))}")


def bucket(endpoint: str, name: str) -> ArchiveSettings:
    keys: dict[str, Any] = {"aws_access_key_id": "me", "aws_secret_access_key": "secret"}
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).create_bucket(Bucket=name)
    return ArchiveSettings(url=f"s3://{name}/kept", endpoint=endpoint, access_key="me", secret_key="secret")


class Kept:
    """What lies in an archive."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self.store: Store = open_store(settings, Path("/nowhere"))

    async def paths(self, folder: str = "") -> list[str]:
        return sorted([file.path async for files in self.store.files(folder) for file in files])

    async def of(self, tenant: str) -> list[str]:
        """The paths of a tenant's objects, without what only says that it is to be forgotten."""
        paths = await self.paths(places.folder_of(tenant))
        return [path for path in paths if not path.endswith("/deleted")]

    async def records(self, tenant: str = "local") -> list[Record]:
        found: list[Record] = []
        for path in await self.of(tenant):
            if f"/{places.RECORDS}/" in path:
                found += read_records(await self.store.get(path) or b"")
        return sorted(found, key=lambda record: record.time)

    async def result(self, record: Record) -> Result:
        data = await self.store.get(places.result(places.folder_of(record.tenant), record.result))
        assert data is not None
        return decode_result(data)

    async def original(self, tenant: str, digest: str) -> bytes | None:
        return await self.store.get(places.original(places.folder_of(tenant), digest))


@asynccontextmanager
async def archiving(
    settings: ArchiveSettings, engine: ScriptedEngine | None = None, **changes: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway that archives; when the block ends, all of it is written."""
    whole: Settings = QUICK.model_copy(update={"archive": settings, **changes})
    async with scripted_gateway(engine or scripted("A red square."), whole) as client:
        yield client


async def ask(
    client: httpx.AsyncClient, image: str, text: str = "What is it?", **more: Any
) -> httpx.Response:
    body = {"task": "vqa", "images": [image], "text": text, **more}
    headers = body.pop("headers", {})
    return await client.post("/infer", json=body, headers=headers)
