"""dashscope."""

import base64
import sys
from http import HTTPStatus
from pathlib import Path

import dashscope
from dashscope import MultiModalConversation

dashscope.base_http_api_url = f"{sys.argv[1]}/api/v1"


def url(name, mime):
    return f"data:{mime};base64,{base64.b64encode(Path(f'examples/{name}').read_bytes()).decode()}"


def call(*items, model="describe", **asked):
    messages = [{"role": "user", "content": [*items, {"text": "Hello"}]}]
    return MultiModalConversation.call(api_key="none", model=model, messages=messages, **asked)


def text(reply):
    assert reply.status_code == HTTPStatus.OK, reply
    return "".join(item["text"] for item in reply.output.choices[0].message.content)


image, other = {"image": url("two-a.png", "image/png")}, {"image": url("two-b.png", "image/png")}
assert "and: Hello" in text(call())
assert "1 images" in text(call(image))
assert "2 images" in text(call(image, other))
assert "1 videos" in text(call({"video": url("motion.mp4", "video/mp4")}))
assert "1 videos" in text(call({"video": [image["image"], other["image"]]}))
reply = call(image, temperature=0.1, top_p=0.9, top_k=5, max_tokens=3, seed=1, vl_high_resolution_images=True)
assert reply.output.choices[0].finish_reason == "length"
assert reply.usage.output_tokens == 3
assert reply.usage["image_tokens"] > 0
assert reply.request_id

# the three ways to stream
whole = text(call())
for incremental in (None, False, True):
    asked = {} if incremental is None else {"incremental_output": incremental}
    replies = list(call(stream=True, **asked))
    pieces = [text(reply) for reply in replies]
    if incremental:
        assert "".join(pieces) == whole, pieces
    else:
        assert pieces[-1] == whole, pieces
    assert replies[0].output.choices[0].finish_reason == "null"
    assert replies[-1].output.choices[0].finish_reason == "stop"
    assert len({reply.request_id for reply in replies}) == 1

# thoughts
message = call(model="think").output.choices[0].message
assert (message["reasoning_content"], message["content"]) == ("Two and two.", [{"text": "Four."}])
messages = [r.output.choices[0].message for r in call(model="think", stream=True, incremental_output=True)]
assert "".join(message.get("reasoning_content", "") for message in messages) == "Two and two."

# leaving early
stream = call(model="slow", stream=True)
next(stream)
stream.close()

# errors come back as replies in this SDK
for status, code, asked in (
    (404, "ModelNotFound", {"model": "gpt-9"}),
    (400, "InvalidParameter", {"temperature": 9.0}),
):
    refused = call(**asked)
    assert (refused.status_code, refused.code) == (status, code), refused
    assert "(code 10" in refused.message
    (refused,) = list(call(stream=True, **asked))
    assert (refused.status_code, refused.code) == (status, code), refused
print("done")
