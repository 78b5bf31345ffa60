"""Configuration: rising order of sources, and sentences for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.settings import SettingsError, load_settings

FILE = """
server:
  host: 0.0.0.0
  port: 1111
models:
  small:
    engine: {kind: scripted}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE)
    return path


def test_flags_win_over_the_environment_and_that_over_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(file).server.port == 1111
    monkeypatch.setenv("QWEN_VL_SERVER__PORT", "2222")
    assert load_settings(file).server.port == 2222
    settings = load_settings(file, {"server": {"port": 3333}})
    assert settings.server.port == 3333
    assert settings.server.host == "0.0.0.0"
    assert list(settings.models) == ["small"]


def test_without_any_source_the_demo_model_is_served() -> None:
    settings = load_settings()
    assert settings.default_model == "qwen3-vl-30b"
    assert settings.server.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("server: {prot: 1}", "server.prot"),
        ("sever: {port: 1}", "sever"),
        ("server: {port: many}", "server.port"),
        ("server: {port: 70000}", "server.port"),
        ("server: 5", "server"),
        ("models: {}", "models"),
        ("models: {a: {engine: {kind: magic}}}", "models.a.engine"),
        ("models: {a: {engine: {kind: remote, model: m}}}", "base_url"),
        ("models: {a: {aliases: [b]}, b: {}}", "b"),
        ("- a list", "must hold settings by name"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_a_sentence_that_names_it(
    tmp_path: Path, text: str, names: str
) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=names):
        load_settings(path)
    result = CliRunner().invoke(app, ["serve", "--config", str(path)])
    assert result.exit_code == 2
    assert names in result.output.replace("\n", "")
    assert "Traceback" not in result.output


@pytest.mark.parametrize("variable", ["QWEN_VL_SERVER__PROT", "QWEN_VL_SEVER__PORT", "QWEN_VL_NOPE"])
def test_an_unknown_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(SettingsError, match=r"(?i)prot|sever|nope"):
        load_settings()


@pytest.mark.parametrize("name", ["CONFIG", "BASE_URL", "API_KEY", "EXTRA"])
def test_variables_of_the_command_and_the_sdk_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(f"QWEN_VL_{name}", "x")
    assert load_settings().default_model == "qwen3-vl-30b"


def test_the_example_knows_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_VL_SERVER__PORT", "many")
    assert "port: 8000" in CliRunner().invoke(app, ["config"]).output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml cannot be read"):
        load_settings(tmp_path / "none.yaml")
