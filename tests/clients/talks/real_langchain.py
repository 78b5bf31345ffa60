"""langchain-openai with the real engine."""

import sys

import openai
from kit import MORE, QUESTION, chat, refused
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Colour(BaseModel):
    """A colour."""

    colour: str


def model(name="qwen3-vl-30b", **rest):
    given = {"temperature": 0, "max_tokens": 64, "max_retries": 0} | rest
    return ChatOpenAI(model=name, base_url=f"{sys.argv[1]}/v1", api_key="none", **given)


def asked(*names, text=QUESTION):
    return [HumanMessage(content=chat(*names, text=text)[0]["content"])]


assert model().invoke([SystemMessage("Be brief."), *asked(text="What can you do?")]).content
assert model().invoke(asked("shapes.png")).content == "red"
pairs = ("two-a.png", "two-b.png"), ("two-b.png", "two-a.png")
answers = {model().invoke(asked(*pair, text=MORE)).content for pair in pairs}
assert answers == {"The first image.", "The second image."}
assert "".join(piece.content for piece in model().stream(asked("shapes.png"))) == "red"
assert model().with_structured_output(Colour, method="json_schema").invoke(asked("shapes.png")).colour
refused(openai.NotFoundError, lambda: model("gpt-9").invoke("Hello"), 1006)
refused(openai.BadRequestError, lambda: model(temperature=9).invoke("Hello"), 1000)
print("done")
