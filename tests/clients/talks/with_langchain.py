"""langchain-openai."""

import base64
import sys
from pathlib import Path

import openai
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from pydantic import BaseModel


class Colour(BaseModel):
    """A colour."""

    colour: str


def chat(model, **rest):
    return ChatOpenAI(model=model, base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0, **rest)


data = base64.b64encode(Path("examples/two-a.png").read_bytes()).decode()
image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
message = HumanMessage(content=[image, {"type": "text", "text": "What?"}])
reply = chat("describe", max_tokens=50).invoke([message])
assert "1 images" in reply.content
assert reply.usage_metadata["output_tokens"] > 0
pieces = list(chat("describe", stream_usage=True).stream([message]))
assert "".join(piece.content for piece in pieces) == reply.content
for method in ("json_schema", "function_calling"):
    assert chat("json").with_structured_output(Colour, method=method).invoke("What?") == Colour(colour="red")
(call,) = chat("json").bind_tools([Colour], tool_choice="any").invoke("What?").tool_calls
assert (call["name"], call["args"]) == ("Colour", {"colour": "red"})
try:
    chat("gpt-9").invoke("Hello")
except openai.NotFoundError:
    print("done")
