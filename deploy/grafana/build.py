"""Writes the dashboards: `python deploy/grafana/build.py`. A test compares them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDTH, HEIGHT = 8, 8

Panel = tuple[str, str, str, str]
"""Title, expression, legend and unit."""

GATEWAY: dict[str, list[Panel]] = {
    "Golden signals": [
        ("Requests by code", "sum by (code) (rate(gateway_requests_total[5m]))", "{{code}}", "reqps"),
        ("Share of failures", "gateway:failures:ratio5m", "failures", "percentunit"),
        ("Failures by code", "sum by (code) (rate(gateway_failures_total[5m]))", "{{code}}", "reqps"),
        ("Time of a request, p95", "task:gateway_request_seconds:p95_5m", "{{task}}", "s"),
        ("First token, p95", "lane:gateway_time_to_first_chunk_seconds:p95_5m", "{{lane}}", "s"),
        ("Between tokens, p95", "lane:gateway_inter_token_seconds:p95_5m", "{{lane}}", "s"),
        ("Clients that leave", "gateway:disconnects:ratio5m", "left", "percentunit"),
        ("Event loop, late by", "gateway_event_loop_lag_seconds", "{{instance}}", "s"),
        ("Ready", "gateway_ready", "{{instance}}", "short"),
    ],
    "Lanes": [
        ("Queue depth", "lane:gateway_queue_depth:sum", "{{lane}}", "short"),
        ("Wait for a slot, p95", "lane:gateway_queue_wait_seconds:p95_5m", "{{lane}}", "s"),
        ("In flight", "sum by (lane) (gateway_inflight)", "{{lane}}", "short"),
        ("Degraded and refused", "lane:gateway_overload:rate1m", "{{lane}}", "reqps"),
        ("Refused by reason", "sum by (reason) (rate(gateway_refused_total[5m]))", "{{reason}}", "reqps"),
        ("Share of the smaller model", "gateway:degraded:ratio5m", "degraded", "percentunit"),
    ],
    "Cache": [
        ("Hits", "gateway:cache_hits:ratio5m", "hits", "percentunit"),
        ("Lookups", "sum by (result) (rate(gateway_cache_lookups_total[5m]))", "{{result}}", "reqps"),
        ("Errors", "sum by (what) (rate(gateway_cache_errors_total[5m]))", "{{what}}", "reqps"),
        ("Joined another's run", "rate(gateway_coalesced_total[5m])", "{{instance}}", "reqps"),
    ],
    "Tokens": [
        ("Tokens", "sum by (model, kind) (rate(gateway_tokens_total[5m]))", "{{model}} {{kind}}", "short"),
        ("Against the last day", "gateway:tokens:rate15m / gateway:tokens:rate1d", "times", "short"),
    ],
    "Tenants": [
        ("Cost by tenant, an hour", "tenant:gateway_tenant_cost:rate1h * 3600", "{{tenant}}", "short"),
        (
            "Cost against the last day",
            "tenant:gateway_tenant_cost:rate1h / tenant:gateway_tenant_cost:rate1d",
            "{{tenant}}",
            "short",
        ),
        (
            "Tokens by tenant",
            "sum by (tenant, kind) (rate(gateway_tenant_tokens_total[5m]))",
            "{{tenant}} {{kind}}",
            "short",
        ),
        (
            "Requests by tenant",
            "sum by (tenant, outcome) (rate(gateway_tenant_requests_total[5m]))",
            "{{tenant}} {{outcome}}",
            "reqps",
        ),
        ("Over a limit", "sum by (limit) (rate(gateway_limited_total[5m]))", "{{limit}}", "reqps"),
        (
            "Without the state store",
            "sum by (instead) (rate(gateway_state_store_away_total[5m]))",
            "{{instead}}",
            "reqps",
        ),
        ("Audit lines", "rate(gateway_audit_lines_total[5m])", "{{instance}}", "reqps"),
        ("Audit lines given up", "rate(gateway_audit_dropped_total[5m])", "{{instance}}", "reqps"),
    ],
    "Archive": [
        ("Answers archived", "rate(gateway_archive_records_total[5m])", "{{instance}}", "reqps"),
        ("Bytes archived", "rate(gateway_archive_bytes_total[5m])", "{{instance}}", "Bps"),
        ("Waiting to be archived", "gateway_archive_waiting", "{{instance}}", "short"),
        ("Failed attempts", "rate(gateway_archive_failures_total[5m])", "{{instance}}", "reqps"),
        (
            "Not archived",
            "sum by (reason) (rate(gateway_archive_dropped_total[5m]))",
            "{{reason}}",
            "reqps",
        ),
    ],
    "Jobs": [
        ("Unfinished", "status:gateway_jobs:max", "{{status}}", "short"),
        ("Jobs by how they ended", "status:gateway_jobs_finished:rate5m", "{{status}}", "reqps"),
        ("Dead letters", "max(gateway_jobs_dead)", "dead", "short"),
        (
            "Calls of webhooks",
            "sum by (outcome) (rate(gateway_webhook_calls_total[5m]))",
            "{{outcome}}",
            "reqps",
        ),
    ],
}
ENGINE: dict[str, list[Panel]] = {
    "Engines, as the gateway sees them": [
        ("Ready", "gateway_engine_ready", "{{model}} {{lane}} {{instance}}", "short"),
        ("Slots in use", "model_lane:gateway_engine_use:ratio", "{{model}} {{lane}}", "percentunit"),
        ("KV cache in use", "gateway_engine_kv_usage", "{{model}} {{lane}} {{instance}}", "percentunit"),
    ],
    "Embedded vLLM": [
        ("Running", "vllm:num_requests_running", "{{model_name}} {{instance}}", "short"),
        ("Waiting", "vllm:num_requests_waiting", "{{model_name}} {{instance}}", "short"),
        ("Preempted", "rate(vllm:num_preemptions_total[5m])", "{{model_name}} {{instance}}", "reqps"),
        ("Prompt tokens", "rate(vllm:prompt_tokens_total[5m])", "{{model_name}} {{instance}}", "short"),
        ("Answer tokens", "rate(vllm:generation_tokens_total[5m])", "{{model_name}} {{instance}}", "short"),
        (
            "First token in the engine, p95",
            "histogram_quantile(0.95, sum by (model_name, le) "
            "(rate(vllm:time_to_first_token_seconds_bucket[5m])))",
            "{{model_name}}",
            "s",
        ),
        (
            "Prefix cache hits",
            "rate(vllm:prefix_cache_hits_total[5m]) / rate(vllm:prefix_cache_queries_total[5m])",
            "{{model_name}} {{instance}}",
            "percentunit",
        ),
        (
            "Processed images found again",
            "rate(vllm:mm_cache_hits_total[5m]) / rate(vllm:mm_cache_queries_total[5m])",
            "{{model_name}} {{instance}}",
            "percentunit",
        ),
    ],
    "Process": [
        ("Memory", "process_resident_memory_bytes", "{{instance}}", "bytes"),
        ("Processor", "rate(process_cpu_seconds_total[5m])", "{{instance}}", "short"),
        ("Open files", "process_open_fds", "{{instance}}", "short"),
    ],
}
DASHBOARDS = {"gateway": ("Gateway", GATEWAY), "engine": ("Engines", ENGINE)}


def dashboard(uid: str, title: str, rows: dict[str, list[Panel]]) -> dict[str, Any]:
    """A dashboard in Grafana's JSON: rows of panels, three beside each other."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row, items in rows.items():
        panels.append({"type": "row", "title": row, "gridPos": {"x": 0, "y": top, "w": 24, "h": 1}})
        top += 1
        for number, item in enumerate(items):
            place = {"x": number % 3 * WIDTH, "y": top + number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT}
            panels.append(panel(item, place))
        top += (len(items) + 2) // 3 * HEIGHT
    for number, one in enumerate(panels, 1):
        one["id"] = number
    return {
        "uid": f"qwen-vl-{uid}",
        "title": f"qwen-vl-gateway: {title}",
        "tags": ["qwen-vl-gateway"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"}]
        },
        "panels": panels,
    }


def panel(item: Panel, place: dict[str, int]) -> dict[str, Any]:
    title, expression, legend, unit = item
    return {
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {
                "refId": "A",
                "datasource": SOURCE,
                "expr": expression,
                "legendFormat": legend,
                "exemplar": "_bucket" in expression,
            }
        ],
    }


def build() -> dict[Path, str]:
    """Every dashboard's file and text."""
    return {
        FOLDER / f"{uid}.json": json.dumps(dashboard(uid, title, rows), indent=1) + "\n"
        for uid, (title, rows) in DASHBOARDS.items()
    }


if __name__ == "__main__":
    for path, text in build().items():
        path.write_text(text, encoding="utf-8")
