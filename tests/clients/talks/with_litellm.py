"""litellm, as a client of three of the formats."""

import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm

url = sys.argv[1]
messages = [{"role": "user", "content": "Hello"}]
for provider, base in (("openai", f"{url}/v1"), ("anthropic", url)):
    asked = {"model": f"{provider}/describe", "api_base": base, "api_key": "none", "messages": messages}
    assert "and: Hello" in litellm.completion(**asked).choices[0].message.content, provider
    chunks = list(litellm.completion(**asked, stream=True))
    assert "and: Hello" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks), provider
try:
    litellm.completion(model="openai/gpt-9", api_base=f"{url}/v1", api_key="none", messages=messages)
except litellm.NotFoundError:
    print("done")
