"""Images and compose files: linted, and tried as far as no container engine is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

from gateway.settings import load_settings
from tests.servers import ROOT, end, wait_until_ready

FILES = sorted((ROOT / "deploy/docker").glob("Dockerfile.*"))
HADOLINT = Path(sys.executable).with_name("hadolint")
ADMIN_KEY = "admin-key-of-the-tests"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
GPU = yaml.safe_load((ROOT / "deploy/docker/compose.gpu.yaml").read_text())


def instructions(file: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n(\s*#.*\n)*", " ", file.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1].strip()) for line in lines]


def copied(file: Path) -> set[str]:
    """What an image takes out of the build's context."""
    copies = [rest.split() for name, rest in instructions(file) if name == "COPY" and "--from" not in rest]
    return {source for words in copies for source in words[:-1]}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The build's context, as .dockerignore leaves it."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    folder = tmp_path / "context"
    for allowed in (line[1:] for line in lines if line.startswith("!")):
        source, target = ROOT / allowed, folder / allowed
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, target)
    return folder


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    done = subprocess.run([str(HADOLINT), str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_image_runs_as_nobody_in_particular_and_is_pinned(file: Path) -> None:
    found = instructions(file)
    users = [rest for name, rest in found if name == "USER"]
    assert users == ["10001:10001"]
    assert all(re.search(r":v?\d+\.\d+\.\d+", rest) for name, rest in found if name == "FROM")
    assert any(name == "HEALTHCHECK" for name, _ in found)
    assert json.loads(dict(found)["ENTRYPOINT"]) == ["qwen-vl"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_all_that_is_copied_is_in_the_context(file: Path, context: Path) -> None:
    assert copied(file)
    for source in copied(file):
        assert (context / source).exists(), f"{source} is not in the context"


def test_the_context_holds_no_tests_and_no_history(context: Path) -> None:
    names = {path.name for path in context.iterdir()}
    assert names == {"pyproject.toml", "README.md", "LICENSE", "engine", "gateway", "deploy", "examples"}


def test_the_entry_command_serves_and_writes_nothing_beside_its_data(context: Path, tmp_path: Path) -> None:
    """As in the image: its code, its variables, and /data as the only place to write."""
    data = tmp_path / "data"
    data.mkdir()
    before = set(context.rglob("*"))
    (found,) = (rest for name, rest in instructions(FILES[0])[-9:] if name == "ENV")
    variables = dict(pair.split("=", 1) for pair in found.split() if not pair.startswith("PATH="))
    log = tmp_path / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--port", "0"],
            cwd=context,
            stdout=output,
            stderr=output,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(context),
                **{name: value.replace("/data", str(data)) for name, value in variables.items()},
                "QWEN_VL_ACCOUNTS__ADMIN_KEY": ADMIN_KEY,
                "QWEN_VL_MODELS": '{"m": {"engine": {"kind": "scripted"}}}',
            },
        )
    try:
        server = wait_until_ready(process, log)
        body = {"messages": [{"role": "user", "content": "Hello"}]}
        url = f"{server.url}/v1/chat/completions"
        assert httpx.post(url, json=body).status_code == 401
        admin = {"authorization": f"Bearer {ADMIN_KEY}"}
        made = httpx.post(f"{server.url}/admin/keys", json={"tenant": "me"}, headers=admin).json()
        asked = httpx.post(url, json=body, headers={"authorization": f"Bearer {made['key']}"})
        assert asked.status_code == 200
        assert httpx.get(f"{server.url}/metrics").status_code == 401
        assert httpx.get(f"{server.url}/metrics", headers=admin).status_code == 200
        assert httpx.get(f"{server.url}/health").status_code == 200  # what HEALTHCHECK asks
    finally:
        end(process)
    assert process.returncode == 0
    assert (data / "qwen-vl-gateway").is_dir()
    assert set(context.rglob("*")) == before


def test_all_that_compose_mounts_is_there_and_its_images_are_pinned() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"], name
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+", service["image"]), name
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
        for other in service.get("depends_on", ()):
            assert other in COMPOSE["services"]


def test_compose_demands_an_admin_key_and_prometheus_reads_the_metrics_with_it() -> None:
    gateway, prometheus = COMPOSE["services"]["gateway"], COMPOSE["services"]["prometheus"]
    assert gateway["environment"]["QWEN_VL_ACCOUNTS__ADMIN_KEY"].startswith("${QWEN_VL_ADMIN_KEY:?")
    assert prometheus["environment"]["GATEWAY_KEY"].startswith("${QWEN_VL_ADMIN_KEY:?")
    (scrape,) = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    file = scrape["authorization"]["credentials_file"]
    assert f"> {file}" in prometheus["entrypoint"][2]
    assert str(Path(file).parent) in prometheus["tmpfs"]
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_compose_gives_a_drain_its_time() -> None:
    drain = load_settings(mounted_on_gpus()).server.drain_timeout_s
    assert int(COMPOSE["services"]["gateway"]["stop_grace_period"].removesuffix("s")) > 30
    assert int(GPU["services"]["gateway"]["stop_grace_period"].removesuffix("s")) > drain


def mounted_on_gpus() -> Path:
    """The configuration that compose.gpu.yaml gives the gateway; its paths begin where compose.yaml lies."""
    mounts: list[list[str]] = [mount.split(":") for mount in GPU["services"]["gateway"]["volumes"]]
    (source,) = (mount[0] for mount in mounts if mount[1] == "/etc/gateway/gateway.yaml")
    return ROOT / source


def test_every_host_that_the_configuration_on_gpus_names_is_a_service() -> None:
    hosts = set(re.findall(r"://([^:/\s]+)", mounted_on_gpus().read_text()))
    assert hosts <= COMPOSE["services"].keys() | GPU["services"].keys()
