"""The same question in every format; one answer a line."""

import json

import anthropic
import dashscope
import openai
import requests
from google import genai
from google.genai import types
from kit import KEYS, MODEL, QUESTION, URL, chat, plain, raw, url_of

key, picture = KEYS["all"], "shapes.png"
bearer = {"authorization": f"Bearer {key}"}
client = openai.OpenAI(base_url=f"{URL}/v1", api_key=key)
asked = {"model": MODEL, "messages": chat(picture), "temperature": 0, "max_tokens": 64}
print(client.chat.completions.create(**asked).choices[0].message.content)

stream = client.chat.completions.create(**asked, stream=True)
print("".join(chunk.choices[0].delta.content or "" for chunk in stream))

google = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=URL))
config = types.GenerateContentConfig(temperature=0, max_output_tokens=64)
part = types.Part.from_bytes(data=raw(picture), mime_type="image/png")
print(google.models.generate_content(model=MODEL, contents=[part, QUESTION], config=config).text)

dashscope.base_http_api_url = f"{URL}/api/v1"
messages = [{"role": "user", "content": [{"image": url_of(picture)}, {"text": QUESTION}]}]
reply = dashscope.MultiModalConversation.call(
    api_key=key, model=MODEL, messages=messages, temperature=0.0, max_tokens=64
)
print(reply.output.choices[0].message.content[0]["text"])

source = {"type": "base64", "media_type": "image/png", "data": plain(picture)}
blocks = [{"type": "image", "source": source}, {"type": "text", "text": QUESTION}]
reply = anthropic.Anthropic(base_url=URL, api_key=key).messages.create(
    model=MODEL,
    max_tokens=64,
    messages=[{"role": "user", "content": blocks}],
    extra_body={"temperature": 0},
)
print(reply.content[0].text)

body = {
    "input_type": "text_image",
    "text": QUESTION,
    "image_base64": plain(picture),
    "temperature": 0.1,
    "seed": 1,
    "max_new_tokens": 64,
}
print(requests.post(f"{URL}/v1/chat", json=body, headers=bearer, timeout=60).json()["result"])

task = {
    "task": "vqa",
    "images": [url_of(picture)],
    "text": QUESTION,
    "options": {"temperature": 0, "max_tokens": 64},
}
print(requests.post(f"{URL}/infer", json=task, headers=bearer, timeout=60).json()["result"]["answer"])
lines = requests.post(f"{URL}/infer_stream", json=task, headers=bearer, timeout=60).text.splitlines()
print(json.loads(lines[-2].removeprefix("data: "))["answer"])
