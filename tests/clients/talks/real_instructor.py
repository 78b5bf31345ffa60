"""instructor with the real engine. Tools are beyond the demo model: see `with_instructor.py`."""

import sys
from typing import Literal

import instructor
import openai
from kit import chat, refused
from pydantic import BaseModel


class Colour(BaseModel):
    colour: Literal["red", "blue", "green"]


plain = openai.OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none", max_retries=0)
create = instructor.from_openai(plain, mode=instructor.Mode.JSON_SCHEMA).chat.completions.create
asked = {"messages": chat("shapes.png"), "response_model": Colour, "max_retries": 0, "max_tokens": 64}
assert create(model="qwen3-vl-30b", temperature=0, **asked).colour in ("red", "blue", "green")
refused(Exception, lambda: create(model="gpt-9", **asked), 1006)
print("done")
