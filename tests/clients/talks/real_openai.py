"""openai, 2.x or 3.x, with the real engine."""

import json

import openai
from kit import (
    KEYS,
    MODEL,
    MORE,
    MOVES,
    PAINT,
    QUESTION,
    URL,
    Colour,
    chat,
    refusals,
    refused,
    until_idle,
    url_of,
)

client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEYS["all"], max_retries=0)


def ask(messages, **rest):
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, "temperature": 0, "max_tokens": 256} | rest
    )


def said(messages, **rest):
    return ask(messages, **rest).choices[0].message.content


# text, one image, two images in their order, a clip
assert said([{"role": "user", "content": "What can you do?"}])
assert said(chat("shapes.png")) == "red"
answers = [said(chat(*pair, text=MORE)) for pair in (("two-a.png", "two-b.png"), ("two-b.png", "two-a.png"))]
assert set(answers) == {"The first image.", "The second image."}, answers
assert "right" in said(chat("motion.mp4", text=MOVES))

# stream, with log-probabilities and usage
usage = {"stream_options": {"include_usage": True}}
chunks = list(ask(chat("shapes.png"), stream=True, logprobs=True, top_logprobs=2, **usage))
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "red"
assert chunks[-1].usage.prompt_tokens > 10
assert any(chunk.choices[0].logprobs for chunk in chunks[:-1])

# structured output, as the SDK parses it
form = {"model": MODEL, "messages": chat("shapes.png"), "temperature": 0, "max_tokens": 256}
parsed = client.chat.completions.parse(**form, response_format=Colour)
assert parsed.choices[0].message.parsed.colour

# tools: the demo model knows none, but what it must call it calls as the schema says
for choice in ("required", {"type": "function", "function": {"name": "paint"}}):
    once = {"tools": [PAINT], "tool_choice": choice, "parallel_tool_calls": False}
    (call,) = ask(chat("shapes.png"), **once).choices[0].message.tool_calls
    assert call.function.name == "paint"
    assert Colour.model_validate_json(call.function.arguments)
    deltas = [chunk.choices[0].delta for chunk in ask(chat("shapes.png"), **once, stream=True)]
    pieces = [piece.function for delta in deltas for piece in delta.tool_calls or ()]
    assert pieces[0].name == "paint"
    assert json.loads("".join(piece.arguments or "" for piece in pieces)) == json.loads(
        call.function.arguments
    )
result = [
    *chat("shapes.png"),
    {"role": "assistant", "tool_calls": [call.model_dump()]},
    {"role": "tool", "tool_call_id": call.id, "content": "Painted."},
]
assert said(result, tools=[PAINT])

# the responses API
picture = {"type": "input_image", "image_url": url_of("shapes.png")}
asked = [{"role": "user", "content": [picture, {"type": "input_text", "text": QUESTION}]}]
answer = {"model": MODEL, "input": asked, "temperature": 0, "max_output_tokens": 256}
assert client.responses.create(**answer).output_text == "red"
with client.responses.stream(**answer) as events:
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "red"
    assert events.get_final_response().usage.input_tokens > 10
assert client.responses.parse(**answer, text_format=Colour).output_parsed.colour
paint = {"type": "function", **PAINT["function"], "strict": False}
(called,) = client.responses.create(
    **answer, tools=[paint], tool_choice={"type": "function", "name": "paint"}
).output
assert Colour.model_validate_json(called.arguments)
refused(openai.NotFoundError, lambda: client.responses.create(**answer | {"model": "gpt-9"}), 1006)

# leaving early ends the work
stream = ask(chat("shapes.png"), stream=True, temperature=1, max_tokens=3500, logit_bias={"2": -100})
next(iter(stream))
stream.close()
until_idle()


# errors
def plain(key, text, stream, **rest):
    reply = client.with_options(api_key=key).chat.completions.create(
        messages=[{"role": "user", "content": text}], stream=stream, max_tokens=8, **rest
    )
    return list(reply) if stream else reply


found = refusals(
    plain,
    {
        "unauthenticated": openai.AuthenticationError,
        "forbidden": openai.PermissionDeniedError,
        "unknown_model": openai.NotFoundError,
        "invalid": openai.BadRequestError,
        "too_long": openai.BadRequestError,
        "content": openai.BadRequestError,
        "rate": openai.RateLimitError,
        "overloaded": openai.InternalServerError,
    },
)
codes = {kind: error.code for kind, error in found.items()}
assert codes["content"] == "content_policy_violation", codes
assert codes["too_long"] == "context_length_exceeded"
assert codes["rate"] == "rate_limit_exceeded"
assert codes["unauthenticated"] == "invalid_api_key"
assert "maximum context length is" in str(found["too_long"])
assert all(int(found[kind].response.headers["retry-after"]) > 0 for kind in ("rate", "overloaded"))
assert all(error.request_id.startswith("req_") for error in found.values())
broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
late = {"X-Timeout-Ms": "1", "Cache-Control": "no-store"}
for stream in (False, True):
    refused(openai.BadRequestError, lambda: ask([{"role": "user", "content": [broken]}], stream=stream), 1001)  # noqa: B023
    refused(
        openai.InternalServerError,
        lambda: ask(chat("motion.mp4"), stream=stream, extra_headers=late),  # noqa: B023
        2003,
    )
print("done")
