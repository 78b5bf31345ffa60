"""The same question in every format; one answer a line."""

import base64
import json
import sys
from pathlib import Path

import anthropic
import dashscope
import openai
import requests
from google import genai
from google.genai import types

url, question = sys.argv[1], "What color is the circle?"
model = "qwen3-vl-30b"
raw = Path("examples/shapes.png").read_bytes()
plain = base64.b64encode(raw).decode()
image = f"data:image/png;base64,{plain}"

content = [{"type": "image_url", "image_url": {"url": image}}, {"type": "text", "text": question}]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="none")
reply = client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": content}], temperature=0, max_tokens=64
)
print(reply.choices[0].message.content)

stream = client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": content}], temperature=0, max_tokens=64, stream=True
)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream))

google = genai.Client(api_key="none", http_options=types.HttpOptions(base_url=url))
config = types.GenerateContentConfig(temperature=0, max_output_tokens=64)
part = types.Part.from_bytes(data=raw, mime_type="image/png")
print(google.models.generate_content(model=model, contents=[part, question], config=config).text)

dashscope.base_http_api_url = f"{url}/api/v1"
messages = [{"role": "user", "content": [{"image": image}, {"text": question}]}]
reply = dashscope.MultiModalConversation.call(
    api_key="none", model=model, messages=messages, temperature=0.0, max_tokens=64
)
print(reply.output.choices[0].message.content[0]["text"])

source = {"type": "base64", "media_type": "image/png", "data": plain}
blocks = [{"type": "image", "source": source}, {"type": "text", "text": question}]
reply = anthropic.Anthropic(base_url=url, api_key="none").messages.create(
    model=model,
    max_tokens=64,
    messages=[{"role": "user", "content": blocks}],
    extra_body={"temperature": 0},
)
print(reply.content[0].text)

body = {
    "input_type": "text_image",
    "text": question,
    "image_base64": plain,
    "temperature": 0.1,
    "seed": 1,
    "max_new_tokens": 64,
}
print(requests.post(f"{url}/v1/chat", json=body, timeout=60).json()["result"])

task = {"task": "vqa", "images": [image], "text": question, "options": {"temperature": 0, "max_tokens": 64}}
print(requests.post(f"{url}/infer", json=task, timeout=60).json()["result"]["answer"])
lines = requests.post(f"{url}/infer_stream", json=task, timeout=60).text.splitlines()
print(json.loads(lines[-2].removeprefix("data: "))["answer"])
