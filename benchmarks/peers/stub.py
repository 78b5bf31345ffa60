"""An upstream that answers at once, so that only the proxy before it is measured.

python -m benchmarks.peers.stub 8000
"""

from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import uvicorn

_ANSWER = {
    "id": "chatcmpl-stub",
    "object": "chat.completion",
    "created": 1,
    "model": "stub",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "A red circle."}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 20, "completion_tokens": 4, "total_tokens": 24},
}
_MODELS = {
    "object": "list",
    "data": [{"id": "qwen3-vl", "object": "model", "created": 1, "owned_by": "stub"}],
}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["path"].endswith("/chat/completions"):
        content, kind = _chat(msgspec.json.decode(body))
    else:
        content, kind = json.dumps(_MODELS).encode(), b"application/json"
    headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def _chat(request: dict[str, Any]) -> tuple[bytes, bytes]:
    if not request.get("stream"):
        return json.dumps(_ANSWER).encode(), b"application/json"
    head = {"id": "chatcmpl-stub", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
    deltas = [{"role": "assistant", "content": ""}] + [{"content": f"{word} "} for word in range(32)]
    chunks: list[dict[str, Any]] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 20, "completion_tokens": 32, "total_tokens": 52}
    chunks.append({**head, "choices": [], "usage": usage})
    frames = [b"data: " + json.dumps(chunk).encode() for chunk in chunks] + [b"data: [DONE]"]
    return b"\n\n".join(frames) + b"\n\n", b"text/event-stream"


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
