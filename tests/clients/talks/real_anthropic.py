"""anthropic with the real engine. Its newest releases send no temperature of their own."""

import sys

import anthropic
from kit import MORE, QUESTION, plain, refused, until_idle
from pydantic import BaseModel

url = sys.argv[1]
client = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0)


def image(name):
    source = {"type": "base64", "media_type": "image/png", "data": plain(name)}
    return {"type": "image", "source": source}


def asked(*blocks, text=QUESTION, temperature=0, **rest):
    content = [*blocks, {"type": "text", "text": text}]
    return {
        "model": "qwen3-vl-30b",
        "max_tokens": 64,
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
    assert stream.get_final_message().usage.input_tokens > 10


class Colour(BaseModel):
    colour: str


assert client.messages.parse(**asked(image("shapes.png"), output_format=Colour)).parsed_output.colour

# leaving early ends the work
with client.messages.stream(**asked(text="Hello", temperature=1, max_tokens=3500)) as stream:
    next(iter(stream.text_stream))
until_idle(url)


# errors
def whole(**rest):
    client.messages.create(**asked(**rest))


def streamed(**rest):
    with client.messages.stream(**asked(**rest)) as stream:
        stream.get_final_message()


source = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
broken = [{"role": "user", "content": [{"type": "image", "source": source}]}]
for ask in (whole, streamed):
    refused(anthropic.NotFoundError, lambda: ask(model="gpt-9"), 1006)  # noqa: B023
    refused(anthropic.BadRequestError, lambda: ask(temperature=9), 1000)  # noqa: B023
    refused(anthropic.BadRequestError, lambda: ask(messages=broken), 1001)  # noqa: B023
    refused(anthropic.BadRequestError, lambda: ask(text="hello " * 9000), 1010)  # noqa: B023
    late = {"X-Timeout-Ms": "1", "Cache-Control": "no-store"}
    error = refused(anthropic.APIStatusError, lambda: ask(extra_headers=late), 2003)  # noqa: B023
    assert error.status_code == 504
print("done")
