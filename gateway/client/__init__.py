"""The SDK: asks a running gateway for its tasks.

    from gateway.client import QwenVLClient

    with QwenVLClient("http://127.0.0.1:8000") as client:
        print(client.ask("chart.png", task="chart_parse").data)

Imports nothing of the server, and works where neither the server's packages nor vLLM are installed.
"""

from gateway.client.asynchronous import AsyncAnswerStream, AsyncQwenVLClient
from gateway.client.batch import Outcome
from gateway.client.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    BadRequestError,
    ContentError,
    NotFoundError,
    OverloadedError,
    QwenVLError,
    ServerError,
)
from gateway.client.results import (
    Answer,
    Cost,
    FinalEvent,
    Metadata,
    Page,
    ProgressEvent,
    ReasoningEvent,
    TokenEvent,
)
from gateway.client.sync import AnswerStream, QwenVLClient

__all__ = [
    "APIConnectionError",
    "APIError",
    "Answer",
    "AnswerStream",
    "AsyncAnswerStream",
    "AsyncQwenVLClient",
    "AuthenticationError",
    "BadRequestError",
    "ContentError",
    "Cost",
    "FinalEvent",
    "Metadata",
    "NotFoundError",
    "Outcome",
    "OverloadedError",
    "Page",
    "ProgressEvent",
    "QwenVLClient",
    "QwenVLError",
    "ReasoningEvent",
    "ServerError",
    "TokenEvent",
]
