"""The OpenAPI document is true: schemathesis asks every route of a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import checks
from schemathesis.config import SchemathesisConfig

from gateway.openapi.document import document
from tests.servers import RunningServer, serving

CONFIG = """
models: {qwen3-vl-30b: {engine: {kind: scripted}}}
cache: {url: none}
jobs: {workers: 0}
safety: {classify_images: false}
fetch: {enabled: false}
"""
PHASES = {"coverage": {"enabled": False}, "stateful": {"enabled": False}}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


DOCUMENT = schemathesis.openapi.from_dict(document(), config=SchemathesisConfig.from_dict({"phases": PHASES}))


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("conformance"), CONFIG) as server:
        yield server


def test_the_server_gives_the_document_itself(scripted: RunningServer) -> None:
    with scripted.client() as client:
        assert client.get("/openapi.json").json() == document()


@DOCUMENT.parametrize()
@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_a_route_does_what_the_document_says(case: schemathesis.Case, scripted: RunningServer) -> None:
    case.call_and_validate(base_url=scripted.url, checks=checks.CHECKS.get_by_names(list(CHECKS)))
