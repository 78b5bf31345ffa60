"""litellm with the real engine, through three of the formats."""

import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from kit import chat, refused

url = sys.argv[1]
for provider, base in (("openai", f"{url}/v1"), ("anthropic", url)):
    asked = {
        "model": f"{provider}/qwen3-vl-30b",
        "api_base": base,
        "api_key": "none",
        "messages": chat("shapes.png"),
        "temperature": 0,
        "max_tokens": 64,
    }
    assert litellm.completion(**asked).choices[0].message.content == "red", provider
    chunks = list(litellm.completion(**asked, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "red", provider
    refused(litellm.NotFoundError, lambda: litellm.completion(**asked | {"model": f"{provider}/gpt-9"}))  # noqa: B023
    error = refused(
        litellm.exceptions.BadRequestError,
        lambda: litellm.completion(**asked | {"messages": chat(text="hello " * 9000)}),  # noqa: B023
    )
    assert "1010" in str(error)
print("done")
