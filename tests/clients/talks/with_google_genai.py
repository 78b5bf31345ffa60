"""google-genai."""

import asyncio
import sys
from pathlib import Path

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

url = sys.argv[1]
client = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=url))
generate = client.models.generate_content


def part(name, mime):
    return types.Part.from_bytes(data=Path(f"examples/{name}").read_bytes(), mime_type=mime)


one, two = part("two-a.png", "image/png"), part("two-b.png", "image/png")
clip = part("motion.mp4", "video/mp4")
assert "and: Hello" in generate(model="describe", contents="Hello").text
assert "1 images" in generate(model="describe", contents=[one, "What?"]).text
assert "2 images" in generate(model="describe", contents=[one, two, "What?"]).text
assert "1 videos" in generate(model="describe", contents=[clip, "What?"]).text

# everything that a configuration may hold
config = types.GenerateContentConfig(
    system_instruction="Be brief.",
    temperature=0,
    top_k=3,
    max_output_tokens=4,
    stop_sequences=["END"],
    seed=1,
    safety_settings=[types.SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_ONLY_HIGH")],
)
cut = generate(model="describe", contents="Hello", config=config)
assert cut.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
assert cut.usage_metadata.candidates_token_count == 4

# stream
chunks = list(client.models.generate_content_stream(model="describe", contents="Hello"))
assert "and: Hello" in "".join(chunk.text or "" for chunk in chunks)
assert chunks[-1].usage_metadata.candidates_token_count > 0
assert chunks[-1].candidates[0].finish_reason == types.FinishReason.STOP


# structured output, both ways
class Colour(BaseModel):
    colour: str


config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Colour)
assert generate(model="json", contents="Hello", config=config).parsed == Colour(colour="red")
config = types.GenerateContentConfig(
    response_mime_type="application/json", response_json_schema=Colour.model_json_schema()
)
assert generate(model="json", contents="Hello", config=config).text == '{"colour":"red"}'

# tools
paint = types.FunctionDeclaration(
    name="paint", parameters=types.Schema(type="OBJECT", properties={"colour": types.Schema(type="STRING")})
)
must = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="ANY"))
config = types.GenerateContentConfig(
    tools=[types.Tool(function_declarations=[paint])],
    tool_config=must,
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)
(call,) = generate(model="json", contents="Hello", config=config).function_calls
assert (call.name, call.args) == ("paint", {"colour": "red"})
chunks = list(client.models.generate_content_stream(model="json", contents="Hello", config=config))
assert chunks[-1].function_calls[0].args == {"colour": "red"}

# thoughts
config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
parts = generate(model="think", contents="Hello", config=config).candidates[0].content.parts
assert [(part.text, bool(part.thought)) for part in parts] == [("Two and two.", True), ("Four.", False)]
chunks = client.models.generate_content_stream(model="think", contents="Hello", config=config)
pieces = [part for chunk in chunks for part in chunk.candidates[0].content.parts or () if part.text]
assert "".join(part.text for part in pieces if part.thought) == "Two and two."
assert "".join(part.text for part in pieces if not part.thought) == "Four."

# counting, models, chats
assert client.models.count_tokens(model="describe", contents=[one, "What?"]).total_tokens > 64
assert "models/describe" in [model.name for model in client.models.list()]
assert client.models.get(model="describe").name == "models/describe"
chat = client.chats.create(model="describe")
chat.send_message("Hello")
assert "and: Again" in chat.send_message("Again").text

# errors
for expected, change in (
    (404, {"model": "gpt-9"}),
    (400, {"contents": types.Part.from_bytes(data=b"x", mime_type="image/png")}),
):
    for ask in (generate, lambda **asked: list(client.models.generate_content_stream(**asked))):
        try:
            ask(**{"model": "describe", "contents": "Hello"} | change)
        except errors.ClientError as error:
            assert error.code == expected
            assert error.status in ("NOT_FOUND", "INVALID_ARGUMENT")
            assert "(code 10" in error.message
        else:
            raise AssertionError(change)


async def asynchronous():
    stream = await client.aio.models.generate_content_stream(model="slow", contents="Hello")
    async for chunk in stream:
        assert chunk.text
        break
    text = ""
    async for chunk in await client.aio.models.generate_content_stream(model="describe", contents="Hello"):
        text += chunk.text or ""
    assert "and: Hello" in text


asyncio.run(asynchronous())
print("done")
