"""What the documents say, held against the code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from gateway.app import create_app
from gateway.errors import CODES
from gateway.example_config import example
from gateway.openapi.document import document
from gateway.settings import Settings, load_settings
from gateway.tasks import TASKS
from tests.servers import ROOT, RunningServer

README = (ROOT / "README.md").read_text(encoding="utf-8")
README_ZH = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
API = (ROOT / "docs/api.md").read_text(encoding="utf-8")


def test_the_example_configuration_holds_every_setting() -> None:
    assert (ROOT / "gateway.example.yaml").read_text() == example(), (
        "run: qwen-vl config > gateway.example.yaml"
    )


def test_the_example_configuration_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    loaded, default = load_settings("gateway.example.yaml"), Settings()
    loaded_model = loaded.models["qwen3-vl-30b"].engine.model_dump() | {"model": ""}
    assert loaded_model == default.models["qwen3-vl-30b"].engine.model_dump() | {"model": ""}
    assert loaded.model_dump(exclude={"models"}) == default.model_dump(exclude={"models"})


def test_every_setting_is_described() -> None:
    def undescribed(model: Any, path: str = "") -> list[str]:
        found = []
        for name, field in model.model_fields.items():
            if not field.description:
                found.append(path + name)
            if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields"):
                found += undescribed(field.annotation, f"{path}{name}.")
        return found

    assert undescribed(Settings) == []


def test_every_code_has_its_row_as_it_is() -> None:
    text = (ROOT / "docs/errors.md").read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    assert rows == [f"| {c.number} | {c.status} | {c.name} | {c.meaning} | {c.advice} |" for c in CODES]


def test_codes_are_unique() -> None:
    assert len({code.number for code in CODES}) == len({code.name for code in CODES}) == len(CODES)


def routes() -> set[tuple[str, str]]:
    app = create_app(Settings(), registry=CollectorRegistry())
    return {
        (method.lower(), re.sub(r":\w+}", "}", route.path))
        for route in app.routes
        if isinstance(route, Route) and route.include_in_schema
        for method in (route.methods or set()) - {"HEAD"}
    }


def test_every_route_is_in_the_openapi_document_and_the_api_page() -> None:
    paths = document()["paths"]
    assert {(method, path) for path, operations in paths.items() for method in operations} == routes()
    for method, path in routes():
        assert f"| `{method.upper()} {path}` |" in API


def test_the_openapi_document_is_sound() -> None:
    text = json.dumps(document())
    schemas = document()["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in schemas
    assert all(
        f"{code.number} {code.name}" in text for code in CODES if code.status >= 400 and code.status != 405
    )


def test_every_field_of_the_task_api_is_on_the_api_page() -> None:
    schemas = document()["components"]["schemas"]
    for name in schemas["TaskBody"]["properties"]:
        assert f"`{name}`" in API or f"`{name}." in API, name
    for name in schemas["Options"]["properties"]:
        assert f"`{name}`" in API or f"options.{name}`" in API, name
    for name in schemas["ChatBody"]["properties"]:
        assert f"`{name}`" in API or f"`{name}." in API, name


def test_every_task_is_in_both_readmes() -> None:
    for task in TASKS:
        for text in (README, README_ZH):
            assert f"| `{task.name}` |" in text


def test_the_chinese_readme_keeps_step() -> None:
    def shape(text: str) -> list[str]:
        return [line.split()[0] for line in text.splitlines() if line.startswith("#")]

    assert shape(README) == shape(README_ZH)
    assert re.findall(r"```\w+", README) == re.findall(r"```\w+", README_ZH)
    links = [sorted(re.findall(r"\]\(([\w./-]+)\)", text)) for text in (README, README_ZH)]
    assert [link for link in links[0] if "README" not in link] == [
        link for link in links[1] if "README" not in link
    ]


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "README.zh-CN.md",
        *(
            f"docs/{p}.md"
            for p in (
                "accounts",
                "api",
                "archive",
                "errors",
                "formats",
                "jobs",
                "load",
                "playground",
                "reports",
                "sdk",
                "tasks",
            )
        ),
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def snippets(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.engine
@pytest.mark.parametrize("text", [README, README_ZH], ids=["en", "zh"])
def test_the_readmes_curl_line_gives_the_numbers_it_shows(server: RunningServer, text: str) -> None:
    line = next(s for s in snippets(text, "bash") if s.startswith("curl")).replace(
        "http://127.0.0.1:8000", server.url
    )
    output = subprocess.run(
        ["bash", "-c", line], cwd=ROOT, capture_output=True, check=True, text=True, timeout=60
    )
    shown = json.loads(next(s for s in snippets(text, "json") if "series" in s))
    given = json.loads(output.stdout)
    assert given["result"]["data"]["series"] == shown["result"]["data"]["series"]
    assert given.keys() == shown.keys()
    assert given["result"]["metadata"].keys() == shown["result"]["metadata"].keys()


@pytest.mark.engine
@pytest.mark.parametrize(
    ("text", "says"),
    [(README, ("red", "[DONE]", "red")), (README_ZH, ("红色", "[DONE]", "红色"))],
    ids=["en", "zh"],
)
def test_the_readmes_python_runs_as_it_stands(
    server: RunningServer, text: str, says: tuple[str, ...]
) -> None:
    for snippet, expected in zip(snippets(text, "python"), says, strict=True):
        code = snippet.replace("http://127.0.0.1:8000", server.url)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
        )
        assert expected in done.stdout


async def test_the_api_page_is_whole_and_asks_no_other_host(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "http" not in page.text
    for asset in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        assert (await client.get(f"/{asset}")).status_code == 200


@pytest.mark.filterwarnings("ignore")  # of importing vLLM
def test_the_production_configuration_is_valid_and_its_flags_are_vllms() -> None:
    from engine import torchvision_cpu, vllm_boot

    torchvision_cpu.install()
    settings = load_settings(Path(ROOT / "deploy/config/qwen3-vl-30b.yaml"))
    engine = settings.models["qwen3-vl-30b"].engine
    assert engine.kind == "vllm"
    args = vllm_boot.arguments("qwen3-vl-30b", engine)
    assert args.tensor_parallel_size == 4
    assert args.enable_expert_parallel is True
    assert args.mm_encoder_tp_mode == "data"
