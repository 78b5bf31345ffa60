"""google-genai with the real engine."""

from google import genai
from google.genai import errors, types
from kit import (
    KEYS,
    MODEL,
    MORE,
    MOVES,
    PAINT,
    QUESTION,
    URL,
    Colour,
    raw,
    refusals,
    refused,
    until_idle,
)

base = {"temperature": 0, "max_output_tokens": 256}


def client_of(key):
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL))


client = client_of(KEYS["all"])


def part(name):
    mime = "video/mp4" if name.endswith(".mp4") else "image/png"
    return types.Part.from_bytes(data=raw(name), mime_type=mime)


def asked(*contents, model=MODEL, **config):
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
counted = client.models.count_tokens(model=MODEL, contents=[part("shapes.png"), QUESTION])
assert counted.total_tokens == chunks[-1].usage_metadata.prompt_token_count
form = {"response_mime_type": "application/json", "response_schema": Colour}
reply = client.models.generate_content(**asked(part("shapes.png"), QUESTION, **form))
assert reply.parsed.colour

# tools: the demo model knows none, but what it must call it calls as the schema says
function = types.FunctionDeclaration(name="paint", parameters_json_schema=PAINT["function"]["parameters"])
tools = {
    "tools": [types.Tool(function_declarations=[function])],
    "tool_config": types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(mode="ANY", allowed_function_names=["paint"])
    ),
    "automatic_function_calling": types.AutomaticFunctionCallingConfig(disable=True),
}
(whole,) = client.models.generate_content(**asked(part("shapes.png"), QUESTION, **tools)).function_calls
assert whole.name == "paint"
assert Colour.model_validate(whole.args)
(called,) = [
    c for chunk in streamed(part("shapes.png"), QUESTION, **tools) for c in chunk.function_calls or ()
]
assert called.args == whole.args

# leaving early ends the work
stream = client.models.generate_content_stream(**asked("Hello", temperature=1.5, max_output_tokens=3500))
next(stream)
stream.close()
until_idle()


# errors
def ask(key, text, stream, **rest):
    other, request = client_of(key), asked(text, **rest)
    if stream:
        return list(other.models.generate_content_stream(**request))
    return other.models.generate_content(**request)


found = refusals(
    ask,
    {
        "unauthenticated": errors.ClientError,
        "forbidden": errors.ClientError,
        "unknown_model": errors.ClientError,
        "invalid": errors.ClientError,
        "too_long": errors.ClientError,
        "content": errors.ClientError,
        "rate": errors.ClientError,
        "overloaded": errors.ServerError,
    },
)
assert {kind: (error.code, error.status) for kind, error in found.items()} == {
    "unauthenticated": (401, "UNAUTHENTICATED"),
    "forbidden": (403, "PERMISSION_DENIED"),
    "unknown_model": (404, "NOT_FOUND"),
    "invalid": (400, "INVALID_ARGUMENT"),
    "too_long": (400, "INVALID_ARGUMENT"),
    "content": (400, "INVALID_ARGUMENT"),
    "rate": (429, "RESOURCE_EXHAUSTED"),
    "overloaded": (503, "UNAVAILABLE"),
}
late = types.HttpOptions(headers={"X-Timeout-Ms": "1", "Cache-Control": "no-store"})
broken = types.Part.from_bytes(data=b"x", mime_type="image/png")
for ask in (said, streamed):
    assert refused(errors.ClientError, lambda: ask(broken), 1001).status == "INVALID_ARGUMENT"  # noqa: B023
    error = refused(errors.ServerError, lambda: ask(part("motion.mp4"), http_options=late), 2003)  # noqa: B023
    assert (error.code, error.status) == (504, "DEADLINE_EXCEEDED")
print("done")
