"""dashscope with the real engine. Errors come back as replies in this SDK."""

import sys

import dashscope
from dashscope import MultiModalConversation
from kit import MORE, MOVES, QUESTION, until_idle, url_of

dashscope.base_http_api_url = f"{sys.argv[1]}/api/v1"


def call(*items, text=QUESTION, model="qwen3-vl-30b", **asked):
    messages = [{"role": "user", "content": [*items, {"text": text}]}]
    asked = {"temperature": 0.0, "max_tokens": 64} | asked
    return MultiModalConversation.call(api_key="none", model=model, messages=messages, **asked)


def text_of(reply):
    assert reply.status_code == 200, reply
    return "".join(item["text"] for item in reply.output.choices[0].message.content)


one, two, shapes = ({"image": url_of(f"{name}.png")} for name in ("two-a", "two-b", "shapes"))
assert text_of(call(text="What can you do?"))
assert text_of(call(shapes)) == "red"
answers = {text_of(call(one, two, text=MORE)), text_of(call(two, one, text=MORE))}
assert answers == {"The first image.", "The second image."}
assert "right" in text_of(call({"video": url_of("motion.mp4")}, text=MOVES))
assert text_of(list(call(shapes, stream=True))[-1]) == "red"
assert "".join(map(text_of, call(shapes, stream=True, incremental_output=True))) == "red"
assert text_of(call(shapes, response_format={"type": "json_object"}))[0] == "{"

# leaving early ends the work
stream = call(text="Hello", stream=True, temperature=1.5, max_tokens=3500)
next(stream)
stream.close()
until_idle(sys.argv[1])

late = {"X-Timeout-Ms": "1", "Cache-Control": "no-store"}
for status, code, number, items, asked in (
    (404, "ModelNotFound", 1006, [], {"model": "gpt-9"}),
    (400, "InvalidParameter", 1000, [], {"temperature": 9.0}),
    (400, "InvalidParameter", 1001, [{"image": "data:image/png;base64,AAAA"}], {}),
    (400, "InvalidParameter", 1010, [], {"text": "hello " * 9000}),
    (504, "RequestTimeOut", 2003, [shapes], {"headers": late}),
):
    for refused in (call(*items, **asked), *call(*items, stream=True, **asked)):
        assert (refused.status_code, refused.code) == (status, code), refused
        assert f"(code {number})" in refused.message
print("done")
