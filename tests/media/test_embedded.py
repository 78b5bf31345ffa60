"""A document and a clip through the real server with the embedded engine."""

from __future__ import annotations

import httpx
import pytest

from tests.events import events
from tests.pictures import example
from tests.servers import RunningServer

pytestmark = pytest.mark.engine

REPORT = example("report.pdf", "application/pdf")
GREEDY = {"temperature": 0}


@pytest.fixture
def client(server: RunningServer) -> httpx.Client:
    return server.client()


def test_a_page_of_a_document_is_read_truly(client: httpx.Client) -> None:
    body = {
        "task": "doc_analyze",
        "images": [REPORT],
        "text": "What is the value of B?",
        "options": GREEDY | {"pages": "2"},
    }
    result = client.post("/infer", json=body).json()["result"]
    assert result["pages"] == [{"page": 2, "answer": "38"}]


def test_a_document_streams_its_pages_and_then_its_answer(client: httpx.Client) -> None:
    body = {"task": "doc_analyze", "images": [REPORT], "options": GREEDY}
    names, data = zip(*events(client.post("/infer_stream", json=body).text), strict=True)
    assert names[:3] == ("progress",) * 3
    assert names[-1] == "final"
    assert [page["page"] for page in data[-1]["pages"]] == [1, 2, 3]


def test_an_upload_is_asked_about_by_its_id(client: httpx.Client) -> None:
    with open("examples/shapes.png", "rb") as file:
        name = client.post("/v1/files", files={"file": file}).json()["id"]
    body = {"task": "vqa", "images": [name], "text": "What color is the circle?", "options": GREEDY}
    assert client.post("/infer", json=body).json()["result"]["answer"] == "red"


def test_what_is_redacted_is_not_read(client: httpx.Client) -> None:
    body = {"task": "vqa", "images": [example("page.png")], "text": "What does the text say?"}
    plain = client.post("/infer", json=body | {"options": GREEDY}).json()["result"]["answer"]
    hidden = GREEDY | {"redact": [[0, 0, 100, 60]]}
    covered = client.post("/infer", json=body | {"options": hidden}).json()["result"]["answer"]
    assert "TOTAL" in plain
    assert "TOTAL" not in covered
