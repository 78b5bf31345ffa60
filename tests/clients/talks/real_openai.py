"""openai, 2.x or 3.x, with the real engine."""

import sys

import openai
from kit import MORE, MOVES, QUESTION, chat, refused, until_idle, url_of
from pydantic import BaseModel

url = sys.argv[1]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def ask(messages, **rest):
    return client.chat.completions.create(
        **{"model": "qwen3-vl-30b", "messages": messages, "temperature": 0, "max_tokens": 64} | rest
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
chunks = list(
    ask(
        chat("shapes.png"), stream=True, logprobs=True, top_logprobs=2, stream_options={"include_usage": True}
    )
)
assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "red"
assert chunks[-1].usage.prompt_tokens > 10
assert any(chunk.choices[0].logprobs for chunk in chunks[:-1])


# structured output, as the SDK parses it
class Colour(BaseModel):
    colour: str


parsed = client.chat.completions.parse(
    model="qwen3-vl-30b", messages=chat("shapes.png"), temperature=0, max_tokens=64, response_format=Colour
)
assert parsed.choices[0].message.parsed.colour

# the responses API
picture = {"type": "input_image", "image_url": url_of("shapes.png")}
asked = [{"role": "user", "content": [picture, {"type": "input_text", "text": QUESTION}]}]
answer = {"model": "qwen3-vl-30b", "input": asked, "temperature": 0, "max_output_tokens": 64}
assert client.responses.create(**answer).output_text == "red"
with client.responses.stream(**answer) as events:
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "red"
    assert events.get_final_response().usage.input_tokens > 10
assert client.responses.parse(**answer, text_format=Colour).output_parsed.colour
refused(openai.NotFoundError, lambda: client.responses.create(**answer | {"model": "gpt-9"}), 1006)

# leaving early ends the work
stream = ask(chat("shapes.png"), stream=True, temperature=1, max_tokens=3500, logit_bias={"2": -100})
next(iter(stream))
stream.close()
until_idle(url)

# errors
broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
hello = [{"role": "user", "content": "Hello"}]
late = {"X-Timeout-Ms": "1", "Cache-Control": "no-store"}
for stream in (False, True):
    for expected, code, messages, change in (
        (openai.NotFoundError, 1006, hello, {"model": "gpt-9"}),
        (openai.BadRequestError, 1000, hello, {"temperature": 9}),
        (openai.BadRequestError, 1001, [{"role": "user", "content": [broken]}], {}),
        (openai.BadRequestError, 1010, [{"role": "user", "content": "hello " * 9000}], {}),
        (openai.InternalServerError, 2003, chat("motion.mp4"), {"extra_headers": late}),
    ):
        refused(expected, lambda: ask(messages, stream=stream, **change), code)  # noqa: B023
print("done")
