"""anthropic with the real engine. Its newest releases send no temperature of their own."""

import anthropic
from kit import (
    KEYS,
    MODEL,
    MORE,
    PAINT,
    QUESTION,
    URL,
    Colour,
    plain,
    refusals,
    refused,
    until_idle,
)

client = anthropic.Anthropic(base_url=URL, api_key=KEYS["all"], max_retries=0)
TOOL = {"name": "paint", "input_schema": PAINT["function"]["parameters"]}


def image(name):
    source = {"type": "base64", "media_type": "image/png", "data": plain(name)}
    return {"type": "image", "source": source}


def asked(*blocks, text=QUESTION, temperature=0, **rest):
    content = [*blocks, {"type": "text", "text": text}]
    return {
        "model": MODEL,
        "max_tokens": 256,
        "messages": [{"role": "user", "content": content}],
        "extra_body": {"temperature": temperature},
    } | rest


def said(*blocks, **rest):
    return client.messages.create(**asked(*blocks, **rest)).content[0].text


one, two = image("two-a.png"), image("two-b.png")
assert said(text="What can you do?")
assert said(image("shapes.png")) == "red"
assert {said(one, two, text=MORE), said(two, one, text=MORE)} == {"The first image.", "The second image."}
with client.messages.stream(**asked(image("shapes.png"))) as stream:
    assert "".join(stream.text_stream) == "red"
    usage = stream.get_final_message().usage
    assert usage.input_tokens + usage.cache_read_input_tokens > 10
assert client.messages.parse(**asked(image("shapes.png"), output_format=Colour)).parsed_output.colour

# tools: the demo model knows none, but what it must call it calls as the schema says
for choice in ({"type": "any", "disable_parallel_tool_use": True}, {"type": "tool", "name": "paint"}):
    tools = asked(image("shapes.png"), tools=[TOOL], tool_choice=choice)
    (whole,) = client.messages.create(**tools).content
    assert (whole.type, whole.name) == ("tool_use", "paint")
    assert Colour.model_validate(whole.input)
    with client.messages.stream(**tools) as stream:
        final = stream.get_final_message()
    assert (final.content[0].input, final.stop_reason) == (whole.input, "tool_use")

# leaving early ends the work
with client.messages.stream(**asked(text="Hello", temperature=1, max_tokens=3500)) as stream:
    next(iter(stream.text_stream))
until_idle()


# errors
def ask(key, stream, text, **rest):
    other = client.with_options(api_key=key)
    if not stream:
        return other.messages.create(**asked(text=text, **rest))
    with other.messages.stream(**asked(text=text, **rest)) as messages:
        return messages.get_final_message()


found = refusals(
    ask,
    {
        "unauthenticated": anthropic.AuthenticationError,
        "forbidden": anthropic.PermissionDeniedError,
        "unknown_model": anthropic.NotFoundError,
        "invalid": anthropic.BadRequestError,
        "too_long": anthropic.BadRequestError,
        "content": anthropic.BadRequestError,
        "rate": anthropic.RateLimitError,
        "overloaded": anthropic.InternalServerError,
    },
)
assert all(error.request_id.startswith("req_") for error in found.values())
source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
late = {"X-Timeout-Ms": "1", "Cache-Control": "no-store"}
broken = {"type": "image", "source": source}
refused(anthropic.BadRequestError, lambda: said(broken), 1001)
error = refused(anthropic.InternalServerError, lambda: said(one, extra_headers=late), 2003)
assert error.status_code == 504
print("done")
