"""A real Prometheus that scrapes gateways of a test every second, with the shipped rules."""

from __future__ import annotations

import math
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.deploy.promql import RULES
from tests.deploy.tools import start
from tests.servers import free_port

_LIMIT_S = 60
LABELS = {"namespace": "qwen-vl", "qwen_vl_pool": "gateway"}
"""What a PodMonitor adds in Kubernetes."""


class Prometheus:
    def __init__(self, folder: Path, *targets: str, key: str = "") -> None:
        """`targets` are `host:port` of gateways, and `key` what they want for their metrics."""
        (folder / "key").write_text(key)
        scraped = {"targets": [*targets], "labels": LABELS}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES / "recording.yaml"), str(RULES / "alerts.yaml")],
            "scrape_configs": [
                {"job_name": "qwen-vl-gateway", "static_configs": [scraped]}
                | ({"authorization": {"credentials_file": str(folder / "key")}} if key else {})
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = free_port()
        self.log = folder / "prometheus.log"
        self._process: subprocess.Popen[bytes] = start(
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            log=self.log,
        )
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query. Raises `AssertionError` where it is no valid one."""
        reply = self._http.post("/query", data={"query": expression}).json()
        assert reply["status"] == "success", f"{expression}: {reply}"
        found: list[dict[str, Any]] = reply["data"]["result"]
        return found

    def value(self, expression: str) -> float:
        """The one sample's value; NaN where there is none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else math.nan

    def exemplars(self, metric: str) -> list[dict[str, Any]]:
        span = {"query": metric, "start": time.time() - 600, "end": time.time() + 1}
        found: list[dict[str, Any]] = self._http.get("/query_exemplars", params=span).json()["data"]
        return found

    def firing(self) -> set[str]:
        alerts = self._http.get("/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def until(self, expression: str) -> None:
        """Returns when the query has a result."""
        pause = threading.Event()
        deadline = time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline:
            try:
                if self.query(expression):
                    return
            except (httpx.TransportError, ValueError):  # it starts, and says so in plain words
                assert self._process.poll() is None, self.log.read_text()[-2000:]
            pause.wait(0.2)
        raise AssertionError(f"no result for {expression}:\n{self.log.read_text()[-2000:]}")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)
