"""requests: the scripts that people wrote before there was an SDK."""

import base64
import json
import sys
from pathlib import Path

import requests

url = sys.argv[1]
image = "data:image/png;base64," + base64.b64encode(Path("examples/two-a.png").read_bytes()).decode()

# DashScope, whole and streamed
body = {
    "model": "describe",
    "input": {"messages": [{"role": "user", "content": [{"image": image}, {"text": "Hello"}]}]},
    "parameters": {"max_tokens": 64},
}
path = f"{url}/api/v1/services/aigc/multimodal-generation/generation"
headers = {"Authorization": "Bearer none", "Content-Type": "application/json"}
reply = requests.post(path, headers=headers, json=body, timeout=60)
assert reply.status_code == 200
assert "1 images" in reply.json()["output"]["choices"][0]["message"]["content"][0]["text"]
assert "1 images" in reply.json()["output"]["text"]
with requests.post(
    path, headers=headers | {"X-DashScope-SSE": "enable"}, json=body, stream=True, timeout=60
) as reply:
    lines = [line.decode() for line in reply.iter_lines() if line.startswith(b"data:")]
assert "1 images" in json.loads(lines[-1][5:])["output"]["choices"][0]["message"]["content"][0]["text"]

# the task API, whole and streamed
body = {"task": "vqa", "images": [image], "text": "Hello", "options": {"max_tokens": 64}}
reply = requests.post(f"{url}/infer", json=body, timeout=60).json()
assert (reply["code"], reply["msg"]) == (0, "success")
assert "1 images" in reply["result"]["answer"]
with requests.post(f"{url}/infer_stream", json=body, stream=True, timeout=60) as reply:
    lines = [json.loads(line[6:]) for line in reply.iter_lines() if line.startswith(b"data: ")]
assert "".join(line.get("token", "") for line in lines) == lines[-1]["answer"]
print("done")
