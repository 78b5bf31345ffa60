"""The least that a gateway with kept answers can be: what it must do costs this much on this machine.

It reads a chat request, digests its picture, and asks Redis for the answer and for a count in one round
trip. No key is checked, nothing is limited, filtered, measured or written down.

python -m benchmarks.peers.prototype 8000 redis://127.0.0.1:6379
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import msgspec
import pybase64
import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_ANSWER = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"A red circle."},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,'
    b'"completion_tokens":4,"total_tokens":24}}'
)
_decode = msgspec.json.Decoder().decode


def key_of(body: Any) -> str:
    state = hashlib.sha256()
    for message in body["messages"]:
        for part in message["content"]:
            if url := part.get("image_url"):
                state.update(pybase64.b64decode(url["url"].partition(",")[2], validate=True))
            else:
                state.update(part["text"].encode())
    return state.hexdigest()


def build(url: str) -> Starlette:
    redis = Redis.from_url(url)

    async def chat(request: Request) -> Response:
        key = key_of(_decode(await request.body()))
        async with redis.pipeline(transaction=False) as pipe:
            kept, _ = await pipe.get(key).incr("asked").execute()
        if kept is None:
            await redis.set(key, _ANSWER)
        return Response(kept or _ANSWER, media_type="application/json")

    async def ready(_: Request) -> Response:
        return Response()

    return Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"]), Route("/health", ready)])


if __name__ == "__main__":
    uvicorn.run(build(sys.argv[2]), port=int(sys.argv[1]), log_level="warning", access_log=False)
