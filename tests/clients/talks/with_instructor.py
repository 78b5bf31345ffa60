"""instructor."""

import sys

import instructor
import openai
from pydantic import BaseModel


class Colour(BaseModel):
    colour: str


plain = openai.OpenAI(base_url=f"{sys.argv[1]}/v1", api_key="none")
messages = [{"role": "user", "content": "What?"}]
for mode in (instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA):
    client = instructor.from_openai(plain, mode=mode)
    found = client.chat.completions.create(
        model="json", messages=messages, response_model=Colour, max_retries=0
    )
    assert found.colour == "red", mode
print("done")
