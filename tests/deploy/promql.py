"""What rules and dashboards ask of Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.servers import ROOT

RULES = ROOT / "deploy/prometheus/rules"
_NAME = re.compile(r"\b(?:gateway|process|vllm)[_:][a-z0-9_:]+|\b[a-z_]+:gateway_[a-z0-9_:]+")
_NOT_METRICS = re.compile(r'"[^"]*"|\{[^}]*\}|\bby \([^)]*\)|\[[^\]]*\]')


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def recorded() -> dict[str, str]:
    return {rule["record"]: rule["expr"] for rule in rules("recording.yaml")}


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules("alerts.yaml")}


def panels() -> Iterator[tuple[str, str]]:
    """Title and expression of every panel of every dashboard."""
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.stem}: {panel['title']}", target["expr"]


def metrics(expression: str) -> set[str]:
    """The names of metrics and recorded series in an expression."""
    bare = _NOT_METRICS.sub("", expression)
    return set(_NAME.findall(bare))


def exposed(text: str) -> set[str]:
    """The names of all samples in a scrape."""
    return {re.split(r"[{ ]", line, maxsplit=1)[0] for line in text.splitlines() if line[:1] not in ("#", "")}
