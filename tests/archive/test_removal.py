"""What is due goes; what a tenant wants forgotten goes whole; nothing else goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from gateway.archive import places
from gateway.archive.compose import Composed
from gateway.archive.record import Record, Result
from gateway.archive.removal import forget_tenant, tidy
from gateway.archive.review import Reviewing, Wanted
from gateway.settings import AccountsSettings, ArchiveSettings, StateSettings
from tests.archive.conftest import Kept, archiving, ask
from tests.pictures import square

pytestmark = pytest.mark.anyio

ADMIN = "an-admin-key-that-is-long-enough"
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=2)
"""When objects of now are past the time for which nothing is swept away."""


async def keys_of(client: httpx.AsyncClient, *tenants: str) -> list[dict[str, str]]:
    found = []
    for tenant in tenants:
        reply = await client.post(
            "/admin/keys", json={"tenant": tenant}, headers={"authorization": f"Bearer {ADMIN}"}
        )
        found.append({"authorization": f"Bearer {reply.json()['key']}"})
    return found


def with_keys() -> dict[str, object]:
    return {"accounts": AccountsSettings(admin_key=SecretStr(ADMIN)), "state": StateSettings()}


async def test_a_tenant_that_is_deleted_leaves_nothing_and_takes_nothing_of_anothers(
    archive: ArchiveSettings,
) -> None:
    kept = Kept(archive)
    async with archiving(archive, **with_keys()) as client:
        acme, other = await keys_of(client, "acme/eu", "other")
        for key in (acme, other):
            await ask(client, square("red"), headers=key)
        await ask(client, square("blue"), headers=acme)
        await client._transport.app.state.gateway.services.archive.settled()  # type: ignore[attr-defined]
        before = await kept.of("other")
        (case,) = await Reviewing(kept.store).cases(Wanted(tenant="other"))
        await ask(client, square("green"), headers=acme)  # waits to be written when the order comes
        for headers in ({}, acme):
            assert (await client.delete("/admin/archive/acme/eu", headers=headers)).status_code == 401
        nobody = await client.delete("/admin/archive/", headers={"authorization": f"Bearer {ADMIN}"})
        assert (nobody.status_code, nobody.json()["code"]) == (400, 1000)
        reply = await client.delete("/admin/archive/acme%2Feu", headers={"authorization": f"Bearer {ADMIN}"})
    assert reply.json()["tenant"] == "acme/eu"
    removed = reply.json()["removed"]
    assert (removed["originals"], removed["results"]) == (2, 2)
    assert removed["bytes"] > 0
    assert await kept.of("acme/eu") == []
    assert await kept.of("other") == before
    assert await kept.original("other", case.record.originals[0]) is not None


async def test_without_an_archive_there_is_nothing_to_delete() -> None:
    async with archiving(ArchiveSettings(), **with_keys()) as client:
        reply = await client.delete("/admin/archive/acme", headers={"authorization": f"Bearer {ADMIN}"})
    assert (reply.status_code, reply.json()["code"]) == (404, 1007)


async def write(kept: Kept, tenant: str, name: str, when: datetime) -> Record:
    """An answered request of the past, as the gateway writes it."""
    folder = places.folder_of(tenant)
    result = Result(
        task="vqa", model="m", revision="r", prompt_version="1", policy_version="p",
        messages=[{"role": "user", "content": name}], choices=[],
    )  # fmt: skip
    digest, data = result.encode()
    original = digest[::-1]
    record = Record(
        request_id=name, time=when.timestamp(), tenant=tenant, key="k", wire="tasks", task="vqa",
        lane="batch",
        stream=False, model="m", answered_by="m", revision="r", prompt_version="1", policy_version="p",
        cache=None, degraded=None, masked=False, confidence=None, input_tokens=1, output_tokens=1,
        media=[original], originals=[original], result=digest,
    )  # fmt: skip
    composed = Composed(folder, record.time, {}, record)
    await kept.store.put(places.original(folder, original), name.encode())
    await kept.store.put(places.result(folder, digest), data)
    await kept.store.put(places.review(folder, digest), b'{"result":"%s","mark":"right"}' % digest.encode())
    await kept.store.put(places.records(folder, when.date(), name), composed.line)
    return record


async def test_what_is_older_than_the_configured_days_goes_with_all_that_only_it_names(
    archive: ArchiveSettings,
) -> None:
    kept = Kept(archive)
    await write(kept, "acme", "old", LATER - timedelta(days=31))
    await write(kept, "acme", "twice", LATER - timedelta(days=31))
    again = await write(kept, "acme", "twice", LATER - timedelta(days=3))
    await write(kept, "other", "old", LATER - timedelta(days=40))
    removed = await tidy(kept.store, 30, LATER)
    assert (removed.records, removed.originals, removed.results, removed.reviews) == (3, 2, 2, 2)
    assert [record.request_id for record in await kept.records("acme")] == ["twice"]
    assert await kept.original("acme", again.originals[0]) == b"twice"
    assert await kept.of("other") == []
    assert (await tidy(kept.store, 30, LATER)).records == 0
    assert (await tidy(kept.store, 0, LATER + timedelta(days=999))).records == 0


async def test_what_was_just_put_stays_though_no_record_names_it_yet(archive: ArchiveSettings) -> None:
    kept = Kept(archive)
    path = places.original(places.folder_of("acme"), "ab" * 32)
    await kept.store.put(path, b"on its way")
    await tidy(kept.store, 30, NOW)
    assert await kept.of("acme") == [path]
    await tidy(kept.store, 30, LATER)
    assert await kept.of("acme") == []


async def test_what_another_gateway_writes_of_a_forgotten_tenant_goes_at_the_next_tidying(
    archive: ArchiveSettings,
) -> None:
    kept = Kept(archive)
    await write(kept, "acme", "before", NOW)
    await forget_tenant(kept.store, "acme")
    assert await kept.of("acme") == []
    await write(kept, "acme", "late", NOW - timedelta(seconds=5))
    new = await write(kept, "acme", "new", datetime.now(UTC) + timedelta(seconds=60))
    await tidy(kept.store, 0, LATER)
    assert [record.request_id for record in await kept.records("acme")] == ["new"]
    assert len(await kept.of("acme")) == 4
    assert await kept.original("acme", new.originals[0]) == b"new"
    await tidy(kept.store, 0, LATER + timedelta(days=1))
    assert f"{places.folder_of('acme')}/deleted" not in await kept.paths()


async def test_only_the_owner_may_look_into_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    Kept(ArchiveSettings(url=str(folder)))
    assert folder.stat().st_mode & 0o777 == 0o700
