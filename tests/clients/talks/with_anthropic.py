"""anthropic, synchronous, over a real connection."""

import base64
import sys
from pathlib import Path

import anthropic

client = anthropic.Anthropic(base_url=sys.argv[1], api_key="none", max_retries=0)
data = base64.b64encode(Path("examples/two-a.png").read_bytes()).decode()
image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def asked(*blocks, **rest):
    content = [*blocks, {"type": "text", "text": "Hello"}]
    return {"model": "describe", "max_tokens": 99, "messages": [{"role": "user", "content": content}]} | rest


assert "and: Hello" in client.messages.create(**asked()).content[0].text
assert "2 images" in client.messages.create(**asked(image, image)).content[0].text
with client.messages.stream(**asked(image)) as stream:
    assert "1 images" in "".join(stream.text_stream)
assert client.messages.count_tokens(model="describe", messages=asked(image)["messages"]).input_tokens > 64
thought, answer = client.messages.create(**asked(model="think")).content
assert (thought.thinking, answer.text) == ("Two and two.", "Four.")
with client.messages.stream(**asked(model="slow")) as stream:
    next(iter(stream.text_stream))
for expected, change in (
    (anthropic.NotFoundError, {"model": "x"}),
    (anthropic.BadRequestError, {"max_tokens": 0}),
):
    try:
        client.messages.create(**asked(**change))
    except expected as error:
        assert "(code 10" in str(error)
    else:
        raise AssertionError(change)
print("done")
