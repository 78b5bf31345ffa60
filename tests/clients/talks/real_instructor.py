"""instructor with the real engine. It reads streams to their end itself: there is no leaving early."""

import instructor
import openai
from instructor.core.exceptions import InstructorRetryException
from kit import KEYS, MODEL, MORE, MOVES, URL, Colour, chat, refusals


def create(mode=instructor.Mode.JSON_SCHEMA, key=KEYS["all"]):
    plain = openai.OpenAI(base_url=f"{URL}/v1", api_key=key, max_retries=0)
    return instructor.from_openai(plain, mode=mode).chat.completions


asked = {"model": MODEL, "response_model": Colour, "temperature": 0, "max_retries": 0, "max_tokens": 256}
for mode in (instructor.Mode.JSON_SCHEMA, instructor.Mode.TOOLS):
    for messages in (
        chat(text="What can you do?"),
        chat("shapes.png"),
        chat("two-a.png", "two-b.png", text=MORE),
        chat("motion.mp4", text=MOVES),
    ):
        assert isinstance(create(mode).create(messages=messages, **asked), Colour), mode
    pieces = list(create(mode).create_partial(messages=chat("shapes.png"), **asked))
    assert pieces[-1].colour in ("red", "blue", "green"), mode


# errors
def ask(key, stream, text, **rest):
    talker = create(key=key)
    request = asked | {"messages": chat(text=text)} | rest
    try:
        return list(talker.create_partial(**request)) if stream else talker.create(**request)
    except InstructorRetryException as error:  # its own, around what the SDK below raised
        raise error.__cause__ from None


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
