"""Users who look at pictures, for Locust.

    pip install locust
    locust -f benchmarks/recipes/locustfile.py --host http://127.0.0.1:8000 --users 20 --spawn-rate 2

`QWEN_VL_API_KEY` and `LOCUST_MODEL` name the key and the model. Every user asks, reads for a few
seconds, and asks again; three in four ask about the same picture as before, as people do.
"""

import base64
import os
import random
from pathlib import Path

from locust import HttpUser, between, task

MODEL = os.environ.get("LOCUST_MODEL", "qwen3-vl-30b")
KEY = os.environ.get("QWEN_VL_API_KEY")
PICTURES = [path.read_bytes() for path in sorted(Path("examples").glob("*.png"))]


class Viewer(HttpUser):
    wait_time = between(1, 5)

    def on_start(self) -> None:
        if KEY:
            self.client.headers["Authorization"] = f"Bearer {KEY}"
        self.look_at_another()

    def look_at_another(self) -> None:
        picture = base64.b64encode(random.choice(PICTURES)).decode()
        self.picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}

    @task
    def ask(self) -> None:
        if random.random() < 0.25:
            self.look_at_another()
        question = {"type": "text", "text": f"What is the number {random.randrange(1000)} about?"}
        body = {
            "model": MODEL,
            "max_tokens": 32,
            "messages": [{"role": "user", "content": [self.picture, question]}],
        }
        with self.client.post("/v1/chat/completions", json=body, catch_response=True) as reply:
            if reply.status_code == 503 and "Retry-After" in reply.headers:
                reply.success()  # an honest refusal under overload; Locust's own table counts failures
