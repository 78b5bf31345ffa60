"""dashscope with the real engine. Errors come back as replies in this SDK."""

import json

import dashscope
from dashscope import MultiModalConversation
from kit import KEYS, MODEL, MORE, MOVES, PAINT, QUESTION, REFUSALS, URL, Colour, until_idle, url_of

dashscope.base_http_api_url = f"{URL}/api/v1"


def call(*items, text=QUESTION, model=MODEL, key=KEYS["all"], **asked):
    messages = [{"role": "user", "content": [*items, {"text": text}]}]
    asked = {"temperature": 0.0, "max_tokens": 256} | asked
    return MultiModalConversation.call(api_key=key, model=model, messages=messages, **asked)


def message_of(reply):
    assert reply.status_code == 200, reply
    return reply.output.choices[0].message


def text_of(reply):
    return "".join(item["text"] for item in message_of(reply).content)


one, two, shapes = ({"image": url_of(f"{name}.png")} for name in ("two-a", "two-b", "shapes"))
assert text_of(call(text="What can you do?"))
assert text_of(call(shapes)) == "red"
answers = {text_of(call(one, two, text=MORE)), text_of(call(two, one, text=MORE))}
assert answers == {"The first image.", "The second image."}
assert "right" in text_of(call({"video": url_of("motion.mp4")}, text=MOVES))
assert text_of(list(call(shapes, stream=True))[-1]) == "red"
assert "".join(map(text_of, call(shapes, stream=True, incremental_output=True))) == "red"
schema = {"name": "colour", "schema": Colour.model_json_schema(), "strict": True}
form = {"type": "json_schema", "json_schema": schema}
assert Colour.model_validate_json(text_of(call(shapes, response_format=form)))

# tools: the demo model knows none, but what it must call it calls as the schema says
must = {"tools": [PAINT], "tool_choice": {"type": "function", "function": {"name": "paint"}}}
(whole,) = message_of(call(shapes, **must)).tool_calls
assert Colour.model_validate_json(whole["function"]["arguments"])
last = list(call(shapes, stream=True, **must))[-1]
assert json.loads(message_of(last).tool_calls[0]["function"]["arguments"]) == json.loads(
    whole["function"]["arguments"]
)

# leaving early ends the work
stream = call(text="Hello", stream=True, temperature=1.5, max_tokens=3500)
next(stream)
stream.close()
until_idle()


# errors
def refused(number, status, code, *items, **asked):
    for reply in (call(*items, **asked), *call(*items, stream=True, **asked)):
        assert (reply.status_code, reply.code) == (status, code), reply
        assert f"(code {number})" in reply.message, reply


EXPECTED = {
    "unauthenticated": (401, "InvalidApiKey"),
    "forbidden": (403, "AccessDenied"),
    "unknown_model": (404, "ModelNotFound"),
    "invalid": (400, "InvalidParameter"),
    "too_long": (400, "InvalidParameter"),
    "content": (400, "DataInspectionFailed"),
    "rate": (429, "Throttling.RateQuota"),
    "overloaded": (503, "ServiceUnavailable"),
}
assert call(text="Hello", key=KEYS["once"]).status_code == 200
for kind, (number, change) in REFUSALS.items():
    refused(number, *EXPECTED[kind], **change)
late = {"X-Timeout-Ms": "1", "Cache-Control": "no-store"}
refused(1001, 400, "InvalidParameter", {"image": "data:image/png;base64,AAAA"})
refused(2003, 504, "RequestTimeOut", shapes, headers=late)
print("done")
