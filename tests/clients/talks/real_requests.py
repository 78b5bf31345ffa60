"""requests with the real engine: the scripts that people wrote before there was an SDK."""

import json

import requests
from kit import KEYS, MODEL, QUESTION, URL, url_of

HEADERS = {"Authorization": f"Bearer {KEYS['all']}", "Content-Type": "application/json"}


def data_of(reply):
    """What stands behind `data:` in each event of a stream."""
    assert reply.status_code == 200, reply.text
    lines = [line.decode() for line in reply.iter_lines() if line.startswith(b"data:")]
    return [json.loads(line[5:]) for line in lines]


# DashScope, whole and streamed, with and without increments
path = f"{URL}/api/v1/services/aigc/multimodal-generation/generation"
content = [{"image": url_of("shapes.png")}, {"text": QUESTION}]
body = {
    "model": MODEL,
    "input": {"messages": [{"role": "user", "content": content}]},
    "parameters": {"max_tokens": 64, "temperature": 0},
}
reply = requests.post(path, headers=HEADERS, json=body, timeout=60).json()
assert reply["output"]["choices"][0]["message"]["content"][0]["text"] == "red"
assert reply["output"]["text"] == "red"
stream = HEADERS | {"X-DashScope-SSE": "enable"}
with requests.post(path, headers=stream, json=body, stream=True, timeout=60) as reply:
    assert data_of(reply)[-1]["output"]["choices"][0]["message"]["content"][0]["text"] == "red"
body["parameters"]["incremental_output"] = True
with requests.post(path, headers=stream, json=body, stream=True, timeout=60) as reply:
    choices = [event["output"]["choices"][0] for event in data_of(reply)]
assert "".join(choice["message"]["content"][0]["text"] for choice in choices) == "red"
assert choices[-1]["finish_reason"] == "stop"
wrong = requests.post(path, headers=HEADERS, json=body | {"model": "gpt-9"}, timeout=60)
assert (wrong.status_code, wrong.json()["code"]) == (404, "ModelNotFound")

# the task API, whole and streamed
body = {
    "task": "vqa",
    "images": [url_of("shapes.png")],
    "text": QUESTION,
    "options": {"max_tokens": 64, "temperature": 0},
}
reply = requests.post(f"{URL}/infer", headers=HEADERS, json=body, timeout=60).json()
assert (reply["code"], reply["msg"], reply["result"]["answer"]) == (0, "success", "red")
with requests.post(f"{URL}/infer_stream", headers=HEADERS, json=body, stream=True, timeout=60) as reply:
    events = data_of(reply)
assert "".join(event.get("token", "") for event in events) == events[-1]["answer"] == "red"
wrong = requests.post(f"{URL}/infer", headers=HEADERS, json=body | {"text": ""}, timeout=60)
assert (wrong.status_code, wrong.json()["code"], wrong.json()["result"]) == (400, 1000, None)
print("done")
