"""Tasks that operators write."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.settings import (
    CacheSettings,
    ModelSettings,
    ServerSettings,
    Settings,
    SettingsError,
    StateSettings,
)
from gateway.tasks import BY_NAME
from gateway.tasks.custom import load_tasks
from tests.conftest import Gateway
from tests.pictures import square
from tests.scripts import scripted
from tests.servers import ROOT

PAGE = (ROOT / "docs/tasks.md").read_text(encoding="utf-8")
INVOICE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


async def test_the_task_of_the_page_works_and_is_listed(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "invoice.yaml").write_text(INVOICE, encoding="utf-8")
    engine = scripted('{"total":3.5,"currency":"EUR"}')
    settings = Settings(server=ServerSettings(task_folder=str(tmp_path)))
    async with gateway(engine, settings) as client:
        reply = await client.post("/infer", json={"task": "invoice", "images": [square()]})
        listed = (await client.get("/tasks")).json()["tasks"]
        chat = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": square()}}]}]
        by_name = await client.post(
            "/v1/chat/completions", json={"model": "qwen3-vl:invoice", "messages": chat}
        )
    assert reply.json()["result"]["data"] == {"total": 3.5, "currency": "EUR"}
    assert [task["name"] for task in listed][-1] == "invoice"
    assert by_name.status_code == 200
    assert "You read invoices" in str(engine.seen[0].messages[0].content)


async def test_a_task_has_its_own_model_and_keeps_its_answers_as_long_as_it_says(
    gateway: Gateway, tmp_path: Path
) -> None:
    (tmp_path / "invoice.yaml").write_text(f"{INVOICE}model: small\ncache_ttl_s: 0\n", encoding="utf-8")
    (tmp_path / "bill.yaml").write_text(INVOICE.replace("name: invoice", "name: bill"), encoding="utf-8")
    engines = {"large": scripted("{}", name="large"), "small": scripted("{}", name="small")}
    settings = Settings(
        models={name: ModelSettings() for name in engines},
        server=ServerSettings(task_folder=str(tmp_path)),
        cache=CacheSettings(url="none"),
        state=StateSettings(url="none"),
    )
    body = {"images": [square()]}
    async with gateway(engines, settings) as client:
        own = await client.post("/infer", json=body | {"task": "invoice"})
        again = await client.post("/infer", json=body | {"task": "invoice"})
        named = await client.post("/infer", json=body | {"task": "invoice", "model": "large"})
        other = await client.post("/m/large/infer", json=body | {"task": "invoice"})
        plain = await client.post("/infer", json=body | {"task": "bill"})
    models = [r.json()["result"]["metadata"]["model"] for r in (own, again, named, other, plain)]
    assert models == ["small", "small", "large", "large", "large"]
    assert [r.headers["x-cache"] for r in (own, again)] == ["bypass", "bypass"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: vqa\ndescription: x\nrole: {en: a, zh: b}", "already a task named vqa"),
        ("name: Big\ndescription: x\nrole: {en: a, zh: b}", "small letters"),
        ("name: a\ndescription: x\nrole: {en: a}", "zh"),
        ("name: a\ndescription: x\nrole: {en: a, zh: b}\nlanes: x", "no field lanes"),
        ("name: a\ndescription: x\nrole: {en: a, zh: b}\nlane: fast", "lane"),
        ("name: a\ndescription: x\nrole: {en: a, zh: b}\nplan: pages", "summary_role"),
        ("name: a\ndescription: x\nrole: {en: a, zh: b}\nmodel: gpt-9", "no model gpt-9"),
        ("name: a\ndescription: x\nrole: {en: a, zh: b}\ncache_ttl_s: -1", "cache_ttl_s"),
        ("- a", "object"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "task.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"task\.yaml") as error:
        load_tasks(str(tmp_path), BY_NAME, ["qwen3-vl"])
    assert says in str(error.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_tasks(str(tmp_path / "nowhere"), BY_NAME, [])
