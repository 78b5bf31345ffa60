"""langchain-openai with the real engine."""

import openai
from kit import KEYS, MODEL, MORE, MOVES, QUESTION, URL, Colour, chat, refusals, until_idle
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI


def model(name=MODEL, key=KEYS["all"], **rest):
    given = {"temperature": 0, "max_tokens": 256, "max_retries": 0} | rest
    return ChatOpenAI(model=name, base_url=f"{URL}/v1", api_key=key, **given)


def asked(*names, text=QUESTION):
    return [HumanMessage(content=chat(*names, text=text)[0]["content"])]


assert model().invoke([SystemMessage("Be brief."), *asked(text="What can you do?")]).content
assert model().invoke(asked("shapes.png")).content == "red"
pairs = ("two-a.png", "two-b.png"), ("two-b.png", "two-a.png")
answers = {model().invoke(asked(*pair, text=MORE)).content for pair in pairs}
assert answers == {"The first image.", "The second image."}
assert "right" in model().invoke(asked("motion.mp4", text=MOVES)).content
assert "".join(piece.content for piece in model().stream(asked("shapes.png"))) == "red"
for method in ("json_schema", "function_calling"):
    form = model().with_structured_output(Colour, method=method)
    assert isinstance(form.invoke(asked("shapes.png")), Colour), method

# tools: the demo model knows none, but what it must call it calls as the schema says
(call,) = (
    model()
    .bind_tools([Colour], tool_choice="any", parallel_tool_calls=False)
    .invoke(asked("shapes.png"))
    .tool_calls
)
assert call["name"] == "Colour"
assert Colour.model_validate(call["args"])

# leaving early ends the work
stream = model(temperature=1.5, max_tokens=3500).stream("Hello")
next(stream)
stream.close()
until_idle()


# errors
def ask(key, stream, text, model_name=None, **rest):
    talker = model(rest.pop("model"), key, **rest)
    return list(talker.stream(text)) if stream else talker.invoke(text)


refusals(
    ask,
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
print("done")
