"""The usage history, in an SQLite file and in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from redis.exceptions import ConnectionError
from typer.testing import CliRunner

from gateway.cli import app
from gateway.settings import SettingsError, UsageSettings
from gateway.stores.connect import connect
from gateway.stores.embedded import EmbeddedValkey
from gateway.usage.factory import open_history
from gateway.usage.history import Batch, History, HistoryError
from gateway.usage.meter import today
from gateway.usage.rows import FIELDS, Row, Table
from gateway.usage.store import UsageStore
from tests.accounts.conftest import ADMIN_KEY, Guard
from tests.accounts.postgres import Database
from tests.accounts.test_usage import usage
from tests.conftest import QUICK, scripted_gateway

pytestmark = pytest.mark.anyio

ROW = Row("2026-11-01", "key_a", "acme", "m", "chat")
STRANGE = Row("2026-11-01", "key_b", "=1+1'; DROP TABLE usage; --\"\\ 租户 🙂", "m", "chat")
SUMS = list(range(1, len(FIELDS) + 1))
BIG = 2**62
NOVEMBER = (date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    found = Database()
    yield found
    found.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.tools)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], History]:
    """Opens the same history anew at each call, as several gateways do. It is empty at first."""
    url = None
    if request.param == "postgres":
        url = SecretStr(_own_schema(request.getfixturevalue("database").url, tmp_path.name))
    return lambda: open_history(UsageSettings(history_url=url), tmp_path)


def _own_schema(url: str, name: str) -> str:
    import psycopg

    schema = "".join(letter for letter in name.lower() if letter.isalnum())
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")  # type: ignore[arg-type]
    return f"{url}&options=-csearch_path%3D{schema}"


def test_sums_that_are_put_again_count_once(opened: Callable[[], History]) -> None:
    one, two = opened(), opened()
    for history in (one, two, one):
        history.put({ROW: SUMS, STRANGE: [BIG] * len(FIELDS)})
    assert two.read(*NOVEMBER) == {ROW: SUMS, STRANGE: [BIG] * len(FIELDS)}
    two.put({ROW: [2 * n for n in SUMS]})
    one.put({ROW: SUMS})  # a gateway that is behind
    assert one.read(*NOVEMBER)[ROW] == [2 * n for n in SUMS]


def test_batches_of_several_gateways_add_up_and_count_once_each(opened: Callable[[], History]) -> None:
    one, two = opened(), opened()
    for history, writer, number in (
        (one, "a", 1),
        (two, "b", 1),
        (one, "a", 1),
        (two, "a", 1),
        (one, "a", 2),
    ):
        history.add(Batch(writer, number, {ROW: SUMS}), today())
    assert one.read(*NOVEMBER) == {ROW: [3 * n for n in SUMS]}


def test_what_is_older_than_it_should_be_is_forgotten(opened: Callable[[], History]) -> None:
    history = opened()
    history.put({ROW: SUMS})
    history.forget(date(2026, 11, 1))
    assert history.read(*NOVEMBER) == {ROW: SUMS}
    history.forget(date(2026, 11, 2))
    assert history.read(*NOVEMBER) == {}


async def test_writers_at_the_same_time_lose_nothing_and_wait_in_no_circle(
    opened: Callable[[], History],
) -> None:
    rows = [Row("2026-11-02", f"key_{n}", "acme", "m", "chat") for n in range(20)]

    def write(writer: str) -> None:
        history = opened()
        for number in range(1, 6):
            table: Table = {row: [1] * len(FIELDS) for row in (rows if number % 2 else reversed(rows))}
            history.add(Batch(writer, number, table), today())

    await asyncio.gather(*(asyncio.to_thread(write, f"gateway-{n}") for n in range(4)))
    assert opened().read(*NOVEMBER) == {row: [20] * len(FIELDS) for row in rows}


async def test_the_state_store_counts_a_batch_once(store: EmbeddedValkey) -> None:
    client = connect(store.url, 5)
    usage = UsageStore(client)
    for writer, number in (("a", 1), ("a", 1), ("b", 1), ("a", 2), ("a", 1)):
        await usage.add(Batch(writer, number, {ROW: SUMS, STRANGE: SUMS}))
    expected = [3 * n for n in SUMS]
    assert await usage.read(*NOVEMBER) == {ROW: expected, STRANGE: expected}
    await client.aclose()


async def test_a_batch_whose_answer_is_lost_is_not_counted_twice(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with guard() as one:
        secret = await one.key()
        await one.chat(secret)
        real, lost = UsageStore.add, [True]

        async def add(self: UsageStore, batch: Batch) -> None:
            await real(self, batch)
            if lost and lost.pop():
                raise ConnectionError

        monkeypatch.setattr(UsageStore, "add", add)
        meter = one.services.accounts.meter
        await meter.flush()
        await one.chat(secret)
        await meter.flush()
        assert (await usage(one, secret))["total"]["requests"] == 2


@pytest.mark.tools
async def test_two_gateways_on_one_postgres_count_every_request_once(
    guard: Guard, store: EmbeddedValkey, database: Database, tmp_path: Path
) -> None:
    url = _own_schema(database.url, tmp_path.name)
    use: Any = {"usage": {"history_url": url}, "admin_key": ADMIN_KEY}
    async with guard(**use) as one, guard(**use) as two:
        key, secret = await one.keys.create(tenant="acme", tier="internal")
        for gate in (one, two, two):
            await gate.chat(secret)
        await two.services.accounts.meter.flush()
        assert (await usage(one, ADMIN_KEY))["total"]["requests"] == 3
    # both have written all they know; the history alone now has to have it right
    await store.aclose()
    history = open_history(UsageSettings(history_url=SecretStr(url)), tmp_path)
    assert [(row.key, sums[0]) for row, sums in history.read(today(), today()).items()] == [(key.id, 3)]

    def command(*flags: str) -> Any:
        (tmp_path / "gateway.yaml").write_text("state: {url: none}")
        return CliRunner(env={"QWEN_VL_USAGE__HISTORY_URL": url}).invoke(
            app, ["usage", "-c", str(tmp_path / "gateway.yaml"), *flags]
        )

    printed = await asyncio.to_thread(command, "--format", "csv")
    assert f"{key.id},3," in printed.stdout, printed.output


@asynccontextmanager
async def without_state(url: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = QUICK.model_copy(update={"usage": UsageSettings(history_url=SecretStr(url))})
    async with scripted_gateway(settings=settings) as client:
        yield client


@pytest.mark.tools
async def test_a_database_that_goes_and_comes_back_loses_nothing(database: Database, tmp_path: Path) -> None:
    url = _own_schema(database.url, tmp_path.name)
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    async with without_state(url) as one, without_state(url) as two:
        for client in (one, two):
            await client.post("/v1/chat/completions", json=body)
        assert (await one.get("/v1/usage")).status_code == 200
        await asyncio.to_thread(database.stop)
        try:
            assert (await one.post("/v1/chat/completions", json=body)).status_code == 200
            away = await one.get("/v1/usage")
            assert (away.status_code, "retry-after" in away.headers) == (503, True)
        finally:
            await asyncio.to_thread(database.start)
        await two.get("/v1/usage")
        assert (await one.get("/v1/usage")).json()["total"]["requests"] == 3


def test_an_address_that_is_none_is_refused_without_being_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="history_url is no address") as error:
        open_history(UsageSettings(history_url=SecretStr("mysql://me:secret@host/db")), tmp_path)
    assert "secret" not in str(error.value)


def test_a_database_that_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    history = open_history(
        UsageSettings(history_url=SecretStr("postgresql://me:secret@127.0.0.1:9/db")), tmp_path
    )
    with pytest.raises(HistoryError) as error:
        history.read(*NOVEMBER)
    assert str(error.value) == "OperationalError"
