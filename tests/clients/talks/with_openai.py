"""openai, 2.x or 3.x."""

import asyncio
import base64
import sys
from pathlib import Path

import openai

url = sys.argv[1]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
create = client.chat.completions.create
hello = [{"role": "user", "content": "Hello"}]


def media(name, kind, mime):
    data = base64.b64encode(Path(f"examples/{name}").read_bytes()).decode()
    return {"type": kind, kind: {"url": f"data:{mime};base64,{data}"}}


def asked(*parts):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": "What?"}]}]


# text, one image, two images, a video
one = media("two-a.png", "image_url", "image/png")
two = media("two-b.png", "image_url", "image/png")
clip = media("motion.mp4", "video_url", "video/mp4")
for messages, says in (
    (hello, "0 images, 0 videos and: Hello"),
    (asked(one), "1 images, 0 videos and: What?"),
    (asked(one, two), "2 images"),
    (asked(clip), "0 images, 1 videos"),
):
    reply = create(model="describe", messages=messages)
    assert says in reply.choices[0].message.content, reply

# stream, with usage
chunks = list(create(model="describe", messages=hello, stream=True, stream_options={"include_usage": True}))
assert "Hello" in "".join(c.choices[0].delta.content or "" for c in chunks[:-1])
assert chunks[-1].usage.completion_tokens > 0

# structured output and tools
schema = {"type": "object", "properties": {"colour": {"type": "string"}}, "required": ["colour"]}
form = {"type": "json_schema", "json_schema": {"name": "c", "schema": schema, "strict": True}}
assert create(model="json", messages=hello, response_format=form).choices[0].message.content
tool = {"type": "function", "function": {"name": "paint", "parameters": schema}}
call = create(model="json", messages=hello, tools=[tool], tool_choice="required").choices[0]
assert call.finish_reason == "tool_calls"
assert call.message.tool_calls[0].function.arguments == '{"colour":"red"}'

# thoughts
message = create(model="think", messages=hello).choices[0].message
assert (message.reasoning_content, message.content) == ("Two and two.", "Four.")
deltas = [chunk.choices[0].delta for chunk in create(model="think", messages=hello, stream=True)]
assert "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas) == "Two and two."
assert "".join(delta.content or "" for delta in deltas) == "Four."
thought, said = client.responses.create(model="think", input="Hello").output
assert (thought.content[0].text, said.content[0].text) == ("Two and two.", "Four.")

# an adapter is a model of its own
assert create(model="invoices", messages=hello).choices[0].message.content == "Total: 12."
assert client.models.retrieve("invoices").parent == "describe"

# leaving early
stream = create(model="slow", messages=hello, stream=True)
next(iter(stream))
stream.close()

# errors
audio = {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
broken = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
for expected, change in (
    (openai.NotFoundError, {"model": "gpt-9"}),
    (openai.BadRequestError, {"temperature": 9}),
    (
        openai.BadRequestError,
        {"messages": asked(audio)},
    ),
    (
        openai.BadRequestError,
        {"messages": asked(broken)},
    ),
):
    for stream in (False, True):
        try:
            create(**{"model": "describe", "messages": hello, "stream": stream} | change)
        except expected as error:
            assert "code 1" in error.message, error
        else:
            raise AssertionError(change)

assert "describe" in [model.id for model in client.models.list()]


async def asynchronous():
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
        reply = await client.chat.completions.create(model="describe", messages=hello)
        assert "Hello" in reply.choices[0].message.content


asyncio.run(asynchronous())
print("done")
