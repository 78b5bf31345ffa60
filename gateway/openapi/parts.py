"""What the document is put together from: schemas, operations, refusals."""

from __future__ import annotations

from typing import Any

from gateway.errors import CODES
from gateway.openapi.formats import EXAMPLES

REF = "#/components/schemas/{name}"
JSON = "application/json"
SSE = "text/event-stream"
FORM = "multipart/form-data"

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
ANY: dict[str, Any] = {}


def nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def object_of(required: str = "", **properties: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return schema | {"required": required.split()} if required else schema


def inference(
    summary: str, body: str, reply: str | None, error: str, note: str = "", stream: str = SSE
) -> dict[str, Any]:
    content: dict[str, Any] = {stream: {}} if stream else {}
    if reply:
        content = {JSON: {"schema": ref(reply)}, **content}
    answer = {"description": f"The answer. {note}".strip(), "content": content}
    responses = {"200": answer, **refusals(error)}
    return {
        "post": {
            "summary": summary,
            "operationId": summary.lower().replace(" ", "_"),
            "requestBody": {
                "required": True,
                "content": {JSON: {"schema": ref(body), "example": EXAMPLES[body]}},
            },
            "responses": responses,
        }
    }


def refusals(error: str) -> dict[str, Any]:
    """Every status that a refusal may have, with its business codes."""
    responses = {}
    for status in sorted({code.status for code in CODES if code.status >= 400} - {405}):
        names = ", ".join(f"{code.number} {code.name}" for code in CODES if code.status == status)
        responses[str(status)] = {"description": names, "content": {JSON: {"schema": ref(error)}}}
    return responses


def get(
    summary: str,
    schema: dict[str, Any] | None,
    *,
    media_type: str = JSON,
    path_parameter: str | None = None,
    missing: str | None = None,
    unready: dict[str, Any] | None = None,
    method: str = "get",
) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {"description": summary, "content": {media_type: {"schema": schema or TEXT}}}
    }
    if missing:
        responses["404"] = {"description": "Not found", "content": {JSON: {"schema": ref(missing)}}}
    if unready:
        responses["503"] = {"description": "Not ready", "content": {JSON: {"schema": unready}}}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if path_parameter:
        operation["parameters"] = [{"name": path_parameter, "in": "path", "required": True, "schema": TEXT}]
    return {method: operation}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": REF.format(name=name)}
