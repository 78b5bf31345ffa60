"""A real Prometheus with the shipped rules, and gateways that it scrapes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.conftest import Start
from tests.deploy.prometheus import Prometheus
from tests.deploy.promql import RULES, alerts, panels, recorded
from tests.deploy.tools import tool
from tests.servers import ROOT, RunningServer

pytestmark = pytest.mark.tools

CONFIG = """
models:
  large: {{engine: {{kind: scripted, max_running: 1, token_delay_ms: 20}}, fallback: small}}
  small: {{engine: {{kind: scripted, max_running: 2, token_delay_ms: 20}}}}
lanes:
  interactive: {{reserved: 1, queue: 2, max_wait_s: 1}}
  batch: {{reserved: 0, queue: 0, max_wait_s: 1}}
  video: {{reserved: 0, queue: 0, max_wait_s: 1}}
safety: {{classify_images: false}}
telemetry: {{otlp_endpoint: {collector}}}
accounts: {{prices: {{large: {{input: 100, output: 100}}, small: {{input: 100, output: 100}}}}}}
"""
COMPONENTS = ROOT / "deploy/k8s/components"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@contextmanager
def prometheus(folder: Path, server: RunningServer) -> Iterator[Prometheus]:
    own = Prometheus(folder, server.url.removeprefix("http://"))
    try:
        own.until('up{job="qwen-vl-gateway"} == 1')
        yield own
    finally:
        own.close()


def ask(server: RunningServer, number: int, questions: int) -> int:
    body = {
        "messages": [{"role": "user", "content": f"What can you do, number {number % questions}?"}],
        "stream": bool(number % 2),
        "temperature": 0,
        "max_tokens": 24,
    }
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=60).status_code


def load(server: RunningServer, requests: int, at_once: int, questions: int = 5) -> set[int]:
    with ThreadPoolExecutor(at_once) as pool:
        return set(pool.map(lambda number: ask(server, number, questions), range(requests)))


def always(expression: str) -> str:
    """An alert's expression as one that has a result, 0 or 1, also where it does not fire."""
    return re.sub(r"(?<![=!<>~])(==|!=|>=|<=|>|<)(?!=)", r"\1 bool", expression)


def test_the_rules_pass_their_unit_tests() -> None:
    for command in (["check", "rules", "recording.yaml", "alerts.yaml"], ["test", "rules", "tests.yaml"]):
        done = subprocess.run(
            [str(tool("promtool")), *command], cwd=RULES, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_autoscalers_see_the_fullest_model_and_the_replicas_that_are_busy(tmp_path: Path) -> None:
    """Two pods, and a third that loads, of a model before an idle fallback; KEDA's pools have one model."""
    figures = {
        ("a", "large"): (64, 48, 4, 1),
        ("b", "large"): (64, 32, 0, 1),
        ("loads", "large"): (64, 0, 0, 0),
        ("a", "small"): (512, 0, 0, 1),
    }
    names = ("slots", "running", "waiting", "ready")

    def series(pod: str, model: str, values: tuple[int, ...]) -> list[dict[str, str]]:
        labels = f'namespace="qwen-vl",qwen_vl_pool="gateway",lane="all",pod="{pod}",model="{model}"'
        return [
            {"series": f"gateway_engine_{name}{{{labels}}}", "values": str(value)}
            for name, value in zip(names, values, strict=True)
        ]

    (rule,) = (one for one in adapter_rules() if one["name"]["as"] == "gateway_slots_in_use")
    adapter = rule["metricsQuery"].replace("<<.LabelMatchers>>", 'namespace="qwen-vl"')
    keda = next(query for _, query in scaled_object_queries() if "gateway_engine_slots" in query)
    tests = []
    for query, models, value in ((adapter, ("large", "small"), 84 / 128), (keda, ("large",), 80 / 64)):
        inputs = [one for key, values in figures.items() if key[1] in models for one in series(*key, values)]
        samples = [{"labels": "{}", "value": value}]
        expected = [{"expr": query, "eval_time": "0", "exp_samples": samples}]
        tests.append({"interval": "1m", "input_series": inputs, "promql_expr_test": expected})
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"tests": tests}))
    done = subprocess.run(
        [str(tool("promtool")), "test", "rules", str(file)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_and_panel_has_data_under_load_and_nothing_is_on_fire(
    start: Start, tmp_path: Path
) -> None:
    server = start(CONFIG.format(collector="http://127.0.0.1:9/v1/traces"))
    with prometheus(tmp_path, server) as own:
        own.until("gateway:cache_errors:rate5m")
        assert load(server, 40, at_once=2) <= {200}
        load(server, 60, at_once=20, questions=60)  # more than both models take
        own.until("rate(gateway_refused_total[1m]) > 0")
        own.until("rate(gateway_requests_total[1m]) > 0")
        own.until("gateway:cache_hits:ratio5m > 0")
        empty = [name for name in recorded() if not own.query(name)]
        empty += [name for name, alert in alerts().items() if not own.query(always(alert["expr"]))]
        empty += [
            title for title, expression in panels() if "vllm:" not in expression and not own.query(expression)
        ]
        assert empty == []
        assert own.firing() <= {"RequestsRefused", "AnswersDegraded"}
        matchers = 'namespace="qwen-vl",qwen_vl_pool="gateway"'
        for rule in adapter_rules():
            assert own.query(rule["metricsQuery"].replace("<<.LabelMatchers>>", matchers)), rule["name"]
        for name, query in scaled_object_queries():
            assert len(own.query(query)) == 1, name
        found = own.exemplars("gateway_request_seconds_bucket")
        assert {exemplar["labels"]["trace_id"] for one in found for exemplar in one["exemplars"]} == {TRACE}


def adapter_rules() -> list[dict[str, Any]]:
    rules = yaml.safe_load((COMPONENTS / "hpa/prometheus-adapter.yaml").read_text())["rules"]["external"]
    return list(rules)


def scaled_object_queries() -> Iterator[tuple[str, str]]:
    for one in yaml.safe_load_all((COMPONENTS / "keda/autoscaling.yaml").read_text()):
        for trigger in one["spec"]["triggers"]:
            if trigger["type"] == "prometheus":
                yield one["metadata"]["name"], trigger["metadata"]["query"]


def test_a_gateway_with_keys_is_scraped_with_the_admin_key_or_one_for_its_metrics(
    start: Start, tmp_path: Path
) -> None:
    admin = "admin-key-of-the-tests"
    config = "models: {m: {engine: {kind: scripted}}}\nsafety: {classify_images: false}\n"
    server = start(f"{config}accounts: {{admin_key: {admin}}}\nserver: {{host: 0.0.0.0}}\n")
    order = {"tenant": "prometheus", "endpoints": ["/metrics"]}
    headers = {"authorization": f"Bearer {admin}"}
    own = httpx.post(f"{server.url}/admin/keys", json=order, headers=headers).json()["key"]
    for number, key in enumerate((admin, own)):
        folder = tmp_path / f"prometheus-{number}"
        folder.mkdir()
        one = Prometheus(folder, server.url.removeprefix("http://"), key=key)
        try:
            one.until('up{job="qwen-vl-gateway"} == 1')
            one.until('gateway_jobs{status="waiting"} == 0')
        finally:
            one.close()


@pytest.mark.engine
def test_the_engines_panels_have_data(server: RunningServer, tmp_path: Path) -> None:
    with prometheus(tmp_path, server) as own:
        own.until("vllm:generation_tokens_total")  # a rate needs a figure from before the load
        assert load(server, 10, at_once=4) == {200}
        own.until("rate(vllm:generation_tokens_total[1m]) > 0")
        assert [
            title for title, expression in panels() if "vllm:" in expression and not own.query(expression)
        ] == []
