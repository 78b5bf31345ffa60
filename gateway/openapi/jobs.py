"""Jobs for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_JSON = "application/json"
_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_TIME = {"type": ["integer", "null"], "description": "Unix seconds"}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


_NOTES = {"type": "object", "additionalProperties": _TEXT, "maxProperties": 16}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Job": _object(
        "id object status task created_at",
        id=_TEXT,
        object={"const": "job"},
        status={"enum": ["queued", "running", "succeeded", "failed", "cancelled"]},
        task=_TEXT,
        created_at=_INTEGER,
        started_at=_TIME,
        finished_at=_TIME,
        expires_at=_TIME,
        attempts=_INTEGER,
        progress={"anyOf": [_object("done total", done=_INTEGER, total=_INTEGER), {"type": "null"}]},
        metadata=_NOTES,
        webhook=_object("url status tries", url=_TEXT, status=_TEXT, tries=_INTEGER, secret=_TEXT),
        error={"anyOf": [_object("code name msg", code=_INTEGER, name=_TEXT, msg=_TEXT), {"type": "null"}]},
        result={"description": "As `result` of POST /infer; null until it is there."},
    ),
    "Jobs": _object(
        "object data has_more",
        object={"const": "list"},
        data={"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
        has_more={"type": "boolean"},
    ),
    "Batch": _object(
        "id object endpoint status input_file_id completion_window created_at request_counts",
        id=_TEXT,
        object={"const": "batch"},
        endpoint=_TEXT,
        status=_TEXT,
        input_file_id=_TEXT,
        output_file_id={"type": ["string", "null"]},
        error_file_id={"type": ["string", "null"]},
        completion_window=_TEXT,
        created_at=_INTEGER,
        expires_at=_TIME,
        request_counts=_object("total completed failed", total=_INTEGER, completed=_INTEGER, failed=_INTEGER),
        errors={"type": ["object", "null"]},
        metadata={"type": ["object", "null"]},
    ),
    "Batches": _object(
        "object data has_more",
        object={"const": "list"},
        data={"type": "array", "items": {"$ref": "#/components/schemas/Batch"}},
        has_more={"type": "boolean"},
    ),
    "BatchBody": _object(
        "input_file_id endpoint",
        input_file_id=_TEXT,
        endpoint={"enum": ["/v1/chat/completions", "/infer"]},
        completion_window={"const": "24h"},
        metadata=_NOTES,
    ),
    "JobBody": {
        "allOf": [
            {"$ref": "#/components/schemas/TaskBody"},
            _object("", webhook=_TEXT | {"maxLength": 2048}, metadata=_NOTES),
        ]
    },
}


def paths(refusals: dict[str, Any]) -> dict[str, Any]:
    """The paths of jobs; each may answer with the `refusals`."""
    job = _reply("The job", "Job")
    of_one = [_parameter("id", "path")]
    wait = _parameter("wait", "query", _INTEGER | {"maximum": 60})
    page = [
        _parameter("limit", "query", _INTEGER),
        _parameter("after", "query"),
        _parameter("status", "query"),
    ]
    stream = {"description": "States", "content": {"text/event-stream": {"schema": _TEXT}}}
    body = {"required": True, "content": {_JSON: {"schema": _ref("JobBody")}}}
    taken = {"200": _reply("The job that was there", "Job"), "202": _reply("The new job", "Job")}

    def operation(summary: str, replies: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"summary": summary, "responses": replies | refusals, **more}

    key = [_parameter("Idempotency-Key", "header", _TEXT | {"maxLength": 255})]
    return {
        "/v1/jobs": {
            "post": operation("Submit a job", taken, requestBody=body, parameters=key),
            "get": operation("The tenant's jobs", {"200": _reply("Jobs", "Jobs")}, parameters=page),
        },
        "/v1/jobs/{id}": {
            "get": operation("One job with its result", {"200": job}, parameters=[*of_one, wait])
        },
        "/v1/jobs/{id}/cancel": {"post": operation("Cancel a job", {"200": job}, parameters=of_one)},
        "/v1/jobs/{id}/events": {"get": operation("Follow a job", {"200": stream}, parameters=of_one)},
    }


def batch_paths(refusals: dict[str, Any]) -> dict[str, Any]:
    """The paths of batches; each may answer with the `refusals`."""
    batch = {"200": _reply("The batch", "Batch")} | refusals
    batches = {"200": _reply("Batches", "Batches")} | refusals
    of_one = [_parameter("id", "path")]
    page = [_parameter("limit", "query", _INTEGER), _parameter("after", "query")]
    body = {"required": True, "content": {_JSON: {"schema": _ref("BatchBody")}}}
    content = {"description": "Its bytes", "content": {"application/octet-stream": {"schema": _TEXT}}}
    return {
        "/v1/batches": {
            "post": {"summary": "Begin a batch", "requestBody": body, "responses": batch},
            "get": {"summary": "The tenant's batches", "parameters": page, "responses": batches},
        },
        "/v1/batches/{id}": {"get": {"summary": "One batch", "parameters": of_one, "responses": batch}},
        "/v1/batches/{id}/cancel": {
            "post": {"summary": "Cancel a batch", "parameters": of_one, "responses": batch}
        },
        "/v1/files/{id}/content": {
            "get": {
                "summary": "What a file holds",
                "parameters": of_one,
                "responses": {"200": content} | refusals,
            }
        },
    }


def dashscope_paths(refusals: dict[str, Any]) -> dict[str, Any]:
    """DashScope's tasks; each path may answer with the `refusals`."""
    task = {"200": _reply("The task", "DashReply")} | refusals
    of_one = [_parameter("task_id", "path")]
    one = {"summary": "An asynchronous DashScope task", "parameters": of_one, "responses": task}
    cancelled = {"summary": "Cancel a pending DashScope task", "parameters": of_one, "responses": task}
    return {"/api/v1/tasks/{task_id}": {"get": one}, "/api/v1/tasks/{task_id}/cancel": {"post": cancelled}}


def _parameter(name: str, place: str, schema: dict[str, Any] = _TEXT) -> dict[str, Any]:
    return {"name": name, "in": place, "required": place == "path", "schema": schema}


def _reply(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": _ref(schema)}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
