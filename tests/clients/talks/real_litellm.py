"""litellm with the real engine, through two of the formats."""

import gc
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from kit import KEYS, MODEL, MORE, MOVES, PAINT, URL, Colour, chat, refusals, until_idle
from litellm import exceptions

litellm.suppress_debug_info = True


def complete(provider, base, messages, key=KEYS["all"], model=MODEL, **rest):
    given = {"temperature": 0, "max_tokens": 256, "max_retries": 0} | rest
    return litellm.completion(
        model=f"{provider}/{model}", api_base=base, api_key=key, messages=messages, **given
    )


def words(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


for provider, base in (("openai", f"{URL}/v1"), ("anthropic", URL)):

    def said(messages, **rest):
        return complete(provider, base, messages, **rest).choices[0].message  # noqa: B023

    assert said(chat(text="What can you do?")).content
    assert said(chat("shapes.png")).content == "red"
    pairs = ("two-a.png", "two-b.png"), ("two-b.png", "two-a.png")
    answers = {said(chat(*pair, text=MORE)).content for pair in pairs}
    assert answers == {"The first image.", "The second image."}, (provider, answers)
    if provider == "openai":  # Anthropic's format has no clips
        assert "right" in said(chat("motion.mp4", text=MOVES)).content
        form = said(chat("shapes.png"), response_format=Colour).content
        assert Colour.model_validate_json(form)
    assert words(complete(provider, base, chat("shapes.png"), stream=True)) == "red", provider

    # tools: the demo model knows none, but what it must call it calls as the schema says
    (call,) = said(
        chat("shapes.png"), tools=[PAINT], tool_choice={"type": "function", "function": {"name": "paint"}}
    ).tool_calls
    assert call.function.name == "paint"
    assert Colour.model_validate_json(call.function.arguments)

    # leaving early ends the work
    stream = complete(provider, base, chat(text="Hello"), stream=True, temperature=1, max_tokens=3500)
    next(iter(stream))
    del stream  # it has no way to be closed
    gc.collect()
    until_idle()

    # errors
    def ask(key, stream, text, **rest):
        reply = complete(provider, base, chat(text=text), key, stream=stream, **rest)  # noqa: B023
        return list(reply) if stream else reply

    refusals(
        ask,
        {
            "unauthenticated": exceptions.AuthenticationError,
            # litellm knows fewer classes of each format than the format has
            "forbidden": exceptions.APIError if provider == "openai" else exceptions.PermissionDeniedError,
            "unknown_model": exceptions.NotFoundError,
            "invalid": exceptions.BadRequestError,
            "too_long": exceptions.ContextWindowExceededError,
            "content": exceptions.ContentPolicyViolationError,
            "rate": exceptions.RateLimitError,
            "overloaded": exceptions.ServiceUnavailableError
            if provider == "openai"
            else exceptions.InternalServerError,
        },
        first=provider == "openai",
    )
print("done")
