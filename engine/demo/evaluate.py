"""Measures the checkpoint through a running gateway, over HTTP, on pictures it has never seen.

    python -m engine.demo.evaluate --base-url http://127.0.0.1:8000 --cases 200
    python -m engine.demo.evaluate --format jpeg60 --only shapes charts

Prints a table with 95 % intervals; `--record` also writes it to `evaluation.json`, together with
digests of the weights and of the prompts it was measured with.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
import math
import tempfile
import urllib.error
import urllib.request
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from PIL import Image
from tqdm import tqdm

from engine.demo.cases import MAKERS, Case, cases
from engine.demo.tokens import CHECKPOINT
from gateway.tasks import BY_NAME, TASKS

Verdict = tuple[Case, str]
"""A case, and the wrong answer, which is empty where it is right."""
RECORD = Path(__file__).with_name("evaluation.json")
FORMATS = ("png", "jpeg60", "webp", "resize1.5")
FRAMES_A_SECOND = 2
TIMEOUT = 120.0


def prompt_digest() -> str:
    """SHA-256 over every prompt and schema of every task."""
    told = [
        (
            task.name,
            [
                [prompt.en, prompt.zh] if prompt else None
                for prompt in (task.role, task.default_text, task.summary_role)
            ],
            task.schema,
        )
        for task in TASKS
    ]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def weights_digest() -> str:
    """SHA-256 of the shipped weights."""
    return hashlib.sha256((CHECKPOINT / "model.safetensors").read_bytes()).hexdigest()


def data_url(data: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def picture(image: Image.Image, form: str) -> str:
    """The image as a data URL in one of `FORMATS`."""
    kind, options = {"jpeg60": ("JPEG", {"quality": 60}), "webp": ("WEBP", {"quality": 80})}.get(
        form, ("PNG", {})
    )
    if form == "resize1.5":
        image = image.resize((round(image.width * 1.5), round(image.height * 1.5)), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return data_url(buffer.getvalue(), f"image/{kind.lower()}")


def film(frames: tuple[Image.Image, ...]) -> str:
    """The frames as an MP4 (H.264) data URL."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(FRAMES_A_SECOND))
            stream.width, stream.height = frames[0].size
            stream.pix_fmt = "yuv420p"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_image(frame)))
            container.mux(stream.encode())
        return data_url(Path(file.name).read_bytes(), "video/mp4")


def ask(base_url: str, key: str, case: Case, form: str) -> dict[str, Any]:
    """The gateway's `result` for one case, or `{"error": …}`."""
    body: dict[str, Any] = {"task": case.task, "text": case.text}
    body["options"] = {"max_tokens": BY_NAME[case.task].max_tokens, "temperature": 0}
    if case.as_clip:
        body["video"] = film(case.images)
    else:
        body["images"] = [picture(image, form) for image in case.images]
    headers = {"Content-Type": "application/json", "Cache-Control": "no-cache, no-store"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{base_url}/infer", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return json.load(response)["result"] or {"error": "no result"}
    except urllib.error.HTTPError as error:
        return {"error": f"{error.code}: {error.read()[:300].decode(errors='replace')}"}
    except OSError as error:
        return {"error": str(error)}


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    scale = 1 + z * z / count
    return (middle - spread) / scale, (middle + spread) / scale


def measure(options: argparse.Namespace, name: str) -> dict[str, Any]:
    """Asks every case of one group."""
    group = cases(name, options.cases)
    with ThreadPoolExecutor(options.parallel) as pool:
        results = list(pool.map(lambda case: ask(options.base_url, options.key, case, options.format), group))
    verdicts = []
    for case, result in zip(group, results, strict=True):
        right = "error" not in result and case.right(result.get("answer") or "", result.get("data"))
        verdicts.append((case, "" if right else result.get("error") or result.get("answer") or "nothing"))
    return summarise(verdicts, "HTTP")


def summarise(verdicts: list[Verdict], by: str) -> dict[str, Any]:
    """Accuracy over cases, by kind, and every wrong answer; `by` tells how it was measured."""
    kinds: dict[str, list[bool]] = defaultdict(list)
    for case, got in verdicts:
        kinds[case.kind].append(not got)
    right = sum(map(sum, kinds.values()))
    return {
        "by": by,
        "cases": len(verdicts),
        "right": right,
        "accuracy": round(right / len(verdicts), 4),
        "interval": [round(end, 4) for end in interval(right, len(verdicts))],
        "kinds": {kind: [sum(rights), len(rights)] for kind, rights in sorted(kinds.items())},
        "wrong": [
            {"kind": case.kind, "text": case.text, "wanted": case.wanted[0], "got": got}
            for case, got in verdicts
            if got
        ],
    }


def line(name: str, part: dict[str, Any]) -> str:
    """One line of the table."""
    low, high = part["interval"]
    kinds = ", ".join(f"{kind} {right}/{count}" for kind, (right, count) in part["kinds"].items())
    return f"{name:22} {part['accuracy']:6.1%}  [{low:.1%}, {high:.1%}]  n={part['cases']}  {kinds}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base-url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default="", help="API key, where the gateway wants one")
    parser.add_argument("--cases", type=int, default=200, help="cases in each group")
    parser.add_argument("--format", choices=FORMATS, default="png", help="what images are sent as")
    parser.add_argument(
        "--only", nargs="*", choices=list(MAKERS), default=list(MAKERS), help="groups to measure"
    )
    parser.add_argument("--parallel", type=int, default=4)
    parser.add_argument("--out", type=Path, help="JSON file for every result, wrong answers included")
    parser.add_argument("--record", action="store_true", help="note the accuracies in evaluation.json")
    options = parser.parse_args()
    report = {}
    for name in tqdm(options.only, desc=options.format):
        report[name] = measure(options, name)
        tqdm.write(line(name, report[name]))
    if options.out:
        options.out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    if options.record:
        record(options.format, report)


def record(form: str, report: dict[str, Any]) -> None:
    """Adds the shipped checkpoint's accuracies in one format to `evaluation.json`; starts anew when weights
    or prompts have changed."""
    noted = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    measured = {"prompts": prompt_digest(), "weights": weights_digest()}
    if any(noted.get(name) != digest for name, digest in measured.items()):
        noted = {**measured, "formats": {}}
    brief = {
        name: {key: value for key, value in part.items() if key != "wrong"} for name, part in report.items()
    }
    noted["formats"].setdefault(form, {}).update(brief)
    RECORD.write_text(json.dumps(noted, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
