"""The settings of the HTTP server."""

from __future__ import annotations

import os
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import Field

from gateway.settings.section import Section


class ServerSettings(Section):
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    insecure: bool = Field(
        default=False,
        description="Whether the server may listen on other than this machine's own addresses without any "
        "key, open to everyone.",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list,
        description="Addresses and networks of proxies in front, whose `X-Forwarded-For` says who the "
        "client is.",
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    workers: int = Field(
        default=1,
        ge=1,
        description="Processes that serve the port together. They share the engines, the stores and all "
        "limits of this file.",
    )
    cors_origins: list[str] = Field(
        default_factory=list,
        description='Origins whose pages may call the API from a browser; `["*"]` for all.',
    )
    data_dir: Path | None = Field(
        default=None,
        description="Folder for what outlives the process: embedded stores and files. Empty: "
        "`$XDG_DATA_HOME/qwen-vl-gateway`, or `~/.local/share/qwen-vl-gateway`.",
    )
    max_body_mb: float = Field(default=64, gt=0, description="Largest request body in MB.")
    max_bodies_mb: float = Field(
        default=1024,
        gt=0,
        description="MB that the bodies of all requests in progress may fill together; past it a request is "
        "refused with code 2001.",
    )
    body_timeout_s: float = Field(
        default=30,
        gt=0,
        description="Seconds that a body may take to arrive, and one more for every 64 kB that have come.",
    )
    drain_timeout_s: float = Field(
        default=30, ge=0, description="Seconds that running requests get to finish after SIGTERM."
    )
    request_timeout_s: float = Field(default=30, gt=0, description="Seconds one interactive answer may take.")
    long_request_timeout_s: float = Field(
        default=120, gt=0, description="Seconds a document or video answer may take."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="How much the gateway writes to the log."
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="Plain lines, or one JSON object a line with request and trace id."
    )
    playground: bool = Field(
        default=True, description="Whether the page to try the gateway in a browser is served at `/`."
    )
    task_folder: str | None = Field(
        default=None, description="Folder with tasks of your own, a YAML file each; see docs/tasks.md."
    )

    @cached_property
    def loopback(self) -> bool:
        """Whether only this machine itself can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def folder(self, name: str) -> Path:
        """The folder called `name` inside the data folder; it need not exist yet."""
        home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        return (self.data_dir or home / "qwen-vl-gateway").expanduser() / name
