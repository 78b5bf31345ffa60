"""google-genai with the real engine."""

import sys

from google import genai
from google.genai import errors, types
from kit import MORE, MOVES, QUESTION, raw, refused, until_idle
from pydantic import BaseModel

url = sys.argv[1]
client = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=url))
base = {"temperature": 0, "max_output_tokens": 64}


def part(name):
    mime = "video/mp4" if name.endswith(".mp4") else "image/png"
    return types.Part.from_bytes(data=raw(name), mime_type=mime)


def asked(*contents, model="qwen3-vl-30b", **config):
    return {
        "model": model,
        "contents": list(contents),
        "config": types.GenerateContentConfig(**base | config),
    }


def said(*contents, **config):
    return client.models.generate_content(**asked(*contents, **config)).text


def streamed(*contents, **config):
    return list(client.models.generate_content_stream(**asked(*contents, **config)))


one, two = part("two-a.png"), part("two-b.png")
assert said("What can you do?")
assert said(part("shapes.png"), QUESTION) == "red"
assert {said(one, two, MORE), said(two, one, MORE)} == {"The first image.", "The second image."}
assert "right" in said(part("motion.mp4"), MOVES)
chunks = streamed(part("shapes.png"), QUESTION)
assert "".join(chunk.text or "" for chunk in chunks) == "red"
assert chunks[-1].usage_metadata.prompt_token_count > 10
counted = client.models.count_tokens(model="qwen3-vl-30b", contents=[part("shapes.png"), QUESTION])
assert counted.total_tokens == chunks[-1].usage_metadata.prompt_token_count


class Colour(BaseModel):
    colour: str


reply = client.models.generate_content(
    **asked(part("shapes.png"), QUESTION, response_mime_type="application/json", response_schema=Colour)
)
assert reply.parsed.colour

# leaving early ends the work
stream = client.models.generate_content_stream(**asked("Hello", temperature=1.5, max_output_tokens=3500))
next(stream)
stream.close()
until_idle(url)

# errors
late = types.HttpOptions(headers={"X-Timeout-Ms": "1", "Cache-Control": "no-store"})
for ask in (said, streamed):
    assert refused(errors.ClientError, lambda: ask("Hi", model="gpt-9"), 1006).code == 404  # noqa: B023
    assert refused(errors.ClientError, lambda: ask("Hi", temperature=9), 1000).code == 400  # noqa: B023
    broken = types.Part.from_bytes(data=b"x", mime_type="image/png")
    assert refused(errors.ClientError, lambda: ask(broken), 1001).status == "INVALID_ARGUMENT"  # noqa: B023
    assert refused(errors.ClientError, lambda: ask("hello " * 9000), 1010).code == 400  # noqa: B023
    error = refused(errors.ServerError, lambda: ask(part("motion.mp4"), http_options=late), 2003)  # noqa: B023
    assert (error.code, error.status) == (504, "DEADLINE_EXCEEDED")
print("done")
