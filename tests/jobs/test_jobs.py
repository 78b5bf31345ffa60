"""Jobs over HTTP, on the scripted engine and a real Valkey."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.errors import GenerationFailed, InvalidRequest, Overloaded
from gateway.errors import GatewayError
from gateway.jobs.queue import JobQueue
from gateway.jobs.record import Order
from gateway.principal import Principal
from gateway.settings import FetchSettings, MediaSettings
from tests.conftest import Gateway
from tests.dispatch.engines import HeldEngine
from tests.events import events
from tests.jobs.conftest import Keeps, finished, inside
from tests.media.site import site
from tests.pictures import EXAMPLES, example, square
from tests.scripts import scripted
from tests.servers import ROOT

OTHER, BIG = Principal("key", "key_1", "other"), Principal("key", "key_2", "big")
ASKED = {"task": "vqa", "images": [square()], "text": "What?"}


async def submit(client: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    reply = await client.post("/v1/jobs", json=ASKED | fields)
    assert reply.status_code == 202, reply.text
    job = reply.json()
    assert reply.headers["location"] == f"/v1/jobs/{job['id']}"
    return dict(job)


async def test_a_job_is_taken_in_answered_and_kept(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted("red"), keeps()) as client:
        job = await submit(client, metadata={"mine": "7"})
        assert job["metadata"] == {"mine": "7"}
        seen = await finished(client, job)
        assert seen["status"] == "succeeded"
        assert seen["result"]["answer"] == "red"
        assert seen["result"]["metadata"]["output_tokens"] == 1
        listed = (await client.get("/v1/jobs")).json()["data"]
        assert [one["id"] for one in listed] == [job["id"]]
        assert "result" not in listed[0]


async def test_infer_becomes_a_job_with_async(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted("red"), keeps()) as client:
        reply = await client.post("/infer", json=ASKED | {"async": True})
        assert reply.status_code == 202
        assert (reply.json()["code"], reply.json()["msg"]) == (0, "accepted")
        seen = await finished(client, {"id": reply.json()["result"]["job_id"]})
        assert seen["result"]["answer"] == "red"
        refused = await client.post("/infer_stream", json=ASKED | {"async": True})
        assert (refused.status_code, refused.json()["code"]) == (400, 1000)


async def test_jobs_may_be_forms_and_name_uploaded_files(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted()
    async with gateway(engine, keeps()) as client:
        picture = (EXAMPLES / "shapes.png").read_bytes()
        reply = await client.post(
            "/v1/jobs", data={"task": "vqa", "text": "A?"}, files={"images": ("a.png", picture)}
        )
        assert (await finished(client, reply.json()))["status"] == "succeeded"
        file = (await client.post("/v1/files", files={"file": ("a.png", picture)})).json()
        job = await submit(client, images=[file["id"]])
        assert (await finished(client, job))["status"] == "succeeded"
        shas = {medium.sha256 for request in engine.seen for medium in request.media}
        assert shas == {hashlib.sha256(picture).hexdigest()}


async def test_the_same_picture_is_kept_once_and_goes_with_its_last_job(
    gateway: Gateway, keeps: Keeps
) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps()) as client:
        jobs = [await submit(client, images=[example("shapes.png")], text=str(n)) for n in range(3)]
        redis: Any = inside(client).services.state.redis
        blobs = [key async for key in redis.scan_iter("{jobs}:blob:*") if not key.endswith(b":users")]
        assert len(blobs) == 1
        engine.let(3)
        for job in jobs:
            assert (await finished(client, job))["status"] == "succeeded"
        assert [key async for key in redis.scan_iter("{jobs}:blob:*")] == []


async def test_a_wrong_request_is_refused_at_once(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        for fields in (
            {"task": "nothing"},
            {"text": ""},
            {"webhook": "ftp://a/b"},
            {"webhook": "http://user:secret@example.com/"},
            {"webhook": 7},
            {"options": {"stream": True}},
            {"options": 7},
            {"metadata": {"a": {"$blob": "0"}}},
            {"x": {"$blob": "0"}},
        ):
            reply = await client.post("/v1/jobs", json=ASKED | fields)
            assert (reply.status_code, reply.json()["result"]) == (400, None), fields
        assert (await client.get("/v1/jobs")).json()["data"] == []
        for path in ("?limit=x", "?limit=1000", "?status=odd"):
            assert (await client.get(f"/v1/jobs{path}")).status_code == 400
        assert (await client.get("/v1/jobs?after=job_0")).status_code == 404
        assert (await client.get("/v1/jobs/job_0")).json()["code"] == 1014
        assert (await client.post("/v1/jobs/job_0/cancel")).status_code == 404
        assert (await client.get("/v1/jobs/job_0/events")).status_code == 404


@pytest.mark.parametrize("depth", [200, 500, 880, 900, 920, 940, 2000])
async def test_a_job_that_is_nested_too_deep_is_the_clients_error(
    gateway: Gateway, keeps: Keeps, depth: int
) -> None:
    text = json.dumps(ASKED)[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"
    async with gateway(scripted(), keeps(workers=0)) as client:
        picture = {"file": ("a.png", (EXAMPLES / "shapes.png").read_bytes())}
        file = (await client.post("/v1/files", files=picture)).json()
        for body in (text, text.replace(ASKED["images"][0], file["id"])):
            reply = await client.post("/v1/jobs", content=body, headers={"content-type": "application/json"})
            assert (reply.status_code, reply.json()["code"]) == (400, 1000)


async def test_without_a_state_store_jobs_are_refused(client: httpx.AsyncClient) -> None:
    for reply in (await client.post("/v1/jobs", json=ASKED), await client.get("/v1/jobs")):
        assert (reply.status_code, reply.json()["code"]) == (503, 2002)


async def test_the_same_idempotency_key_gives_the_same_job(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        key = {"idempotency-key": "order 7"}
        replies = await asyncio.gather(*(client.post("/v1/jobs", json=ASKED, headers=key) for _ in range(5)))
        assert len({reply.json()["id"] for reply in replies}) == 1
        assert sorted(reply.status_code for reply in replies) == [200, 200, 200, 200, 202]
        other = await client.post("/v1/jobs", json=ASKED | {"text": "Else?"}, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, 1015)
        long = await client.post("/v1/jobs", json=ASKED, headers={"idempotency-key": "x" * 256})
        assert long.status_code == 400


async def test_idempotency_keys_of_two_tenants_never_meet(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        body, store = json.dumps(ASKED).encode(), inside(client).jobs.store
        jobs = [
            await store.submit(
                Order(principal=Principal("key", "k", tenant), wire="tasks", body=body, idempotency_key=key)
            )
            for tenant, key in (("acme", "eu:1"), ("acme:eu", "1"))
        ]
        assert [new for _, new in jobs] == [True, True]


async def test_a_job_that_is_submitted_again_keeps_its_pictures_and_a_refused_one_leaves_none(
    gateway: Gateway, keeps: Keeps
) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps(max_open=1)) as client:
        store, redis = inside(client).jobs.store, inside(client).services.state.redis
        body = json.dumps(ASKED | {"images": [example("shapes.png")]}).encode()
        order = Order(principal=BIG, wire="tasks", task="vqa", body=body)
        assert [(await store.submit(order, "job_again"))[1] for _ in range(2)] == [True, False]
        other = json.dumps(ASKED | {"images": [example("chart.png")]}).encode()
        with pytest.raises(GatewayError):
            await store.submit(Order(principal=BIG, wire="tasks", task="vqa", body=other))
        blobs = [key async for key in redis.scan_iter("{jobs}:blob:*") if not key.endswith(b":users")]
        assert len(blobs) == 1
        engine.let(1)
        while (job := await store.get("job_again", None)).status in ("queued", "running"):
            await asyncio.sleep(0.01)
        assert job.status == "succeeded", job.error


async def test_a_job_that_cannot_be_read_keeps_no_other_from_its_turn(gateway: Gateway, keeps: Keeps) -> None:
    settings = keeps(workers=0)
    async with gateway(scripted(), settings) as client:
        broken, whole = [await submit(client, text=text) for text in ("One?", "Two?")]
        redis = inside(client).services.state.redis
        await redis.hset(f"{{jobs}}:job:{broken['id']}", "principal", "nonsense")
        queue = JobQueue(redis, settings.jobs, "worker", 0.05)
        await queue.open()
        assert [job.id for job in await queue.claim(10)] == [whole["id"]]


async def test_a_body_that_cannot_be_kept_is_refused(gateway: Gateway, keeps: Keeps) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    async with gateway(scripted(), keeps()) as client:
        for extra in ({"extra": deep}, {"extra": {"$blob": "x"}}):
            reply = await client.post("/v1/jobs", json=ASKED | extra)
            assert (reply.status_code, reply.json()["code"]) == (400, 1000), reply.text


async def test_files_that_are_too_large_together_are_not_read_into_a_job(
    gateway: Gateway, keeps: Keeps
) -> None:
    async with gateway(scripted(), keeps(media=MediaSettings(max_request_mb=0.01))) as client:
        picture = (EXAMPLES / "shapes.png").read_bytes() + b"\0" * 6000
        ids = []
        for _ in range(2):
            files = {"file": ("a.png", picture, "image/png")}
            ids.append((await client.post("/v1/files", files=files, data={"purpose": "vision"})).json()["id"])
        reply = await client.post("/v1/jobs", json=ASKED | {"images": ids})
        assert reply.status_code == 413, reply.text


async def test_jobs_of_others_do_not_exist(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        body = json.dumps(ASKED).encode()
        store = inside(client).jobs.store
        theirs, _ = await store.submit(Order(principal=OTHER, wire="tasks", task="vqa", body=body))
        for path in ("", "/events"):
            assert (await client.get(f"/v1/jobs/{theirs.id}{path}")).status_code == 404
        assert (await client.post(f"/v1/jobs/{theirs.id}/cancel")).status_code == 404
        assert (await client.get("/v1/jobs")).json()["data"] == []


async def test_a_job_is_cancelled_while_it_waits_and_while_it_runs(gateway: Gateway, keeps: Keeps) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps(workers=1, visibility_s=0.4)) as client:
        running, waiting = await submit(client), await submit(client, text="Else?")
        await engine.until_seen(1)
        for job in (waiting, running):
            seen = (await client.post(f"/v1/jobs/{job['id']}/cancel")).json()
            assert (seen["status"], seen["error"]["name"]) == ("cancelled", "cancelled")
        await engine.until_aborted(1)
        engine.let(1)
        last = await submit(client, text="And?")
        assert (await finished(client, last))["status"] == "succeeded"
        assert len(engine.seen) == 2
        again = (await client.post(f"/v1/jobs/{last['id']}/cancel")).json()
        assert again["status"] == "succeeded"


async def test_lists_are_paged_and_filtered(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        ids = [(await submit(client, text=f"{n}?"))["id"] for n in range(5)]
        for job_id in ids:
            await finished(client, {"id": job_id})
        first = (await client.get("/v1/jobs", params={"limit": 3})).json()
        rest = (await client.get("/v1/jobs", params={"limit": 3, "after": first["data"][-1]["id"]})).json()
        assert (first["has_more"], rest["has_more"]) == (True, False)
        assert {job["id"] for job in first["data"] + rest["data"]} == set(ids)
        assert (await client.get("/v1/jobs?status=failed")).json()["data"] == []


async def test_the_events_of_a_job_can_be_taken_up_again(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps()) as client:
        job = await submit(client, task="doc_analyze", images=[example("report.pdf", "application/pdf")])
        path = f"/v1/jobs/{job['id']}/events"
        text = (await client.get(path)).text
        states = [frame for frame in text.split("\n\n") if frame.startswith("id: ")]
        assert "event: job.succeeded" in states[-1]
        assert json.loads(states[-1].split("data: ")[1])["result"]["pages"]
        ids = [int(frame.split("\n")[0][4:]) for frame in states]
        assert ids == sorted(set(ids))
        assert (await client.get(path, headers={"last-event-id": str(ids[-1])})).text == ""
        again = events((await client.get(path, headers={"last-event-id": str(ids[-1] - 1)})).text)
        assert [name for name, _ in again] == ["job.succeeded"]
        unheard = await client.get(path, headers={"last-event-id": "9" * 5000})
        assert unheard.status_code == 200


async def test_overload_never_fails_a_job(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted("red")
    async with gateway(engine, keeps(max_attempts=1)) as client:
        engine.fail_with = Overloaded("The model is busy.")
        job = await submit(client)
        while len(engine.seen) < 2:
            await asyncio.sleep(0.01)
        engine.fail_with = None
        seen = await finished(client, job)
        assert (seen["status"], seen["attempts"]) == ("succeeded", 0)


async def test_a_failure_is_tried_again_and_then_put_aside_for_the_operator(
    gateway: Gateway, keeps: Keeps
) -> None:
    engine = scripted("red")
    async with gateway(engine, keeps(max_attempts=3)) as client:
        engine.fail_with = GenerationFailed("The model failed.")
        job = await submit(client)
        seen = await finished(client, job)
        assert (seen["status"], seen["attempts"], seen["error"]["code"]) == ("failed", 3, 2004)
        store = inside(client).jobs.store
        dead, _ = await store.page(None, status="failed")
        assert [one.id for one in dead] == [job["id"]]
        engine.fail_with = None
        assert await store.requeue(job["id"])
        assert (await finished(client, job))["result"]["answer"] == "red"
        assert await store.page(None, status="failed") == ([], False)
        assert not await store.requeue(job["id"])


async def test_what_is_wrong_in_itself_is_not_tried_again(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted()
    async with gateway(engine, keeps()) as client:
        engine.fail_with = InvalidRequest("It is wrong.")
        seen = await finished(client, await submit(client))
        assert (seen["status"], seen["error"]["code"], len(engine.seen)) == ("failed", 1000, 1)


async def test_a_job_nobody_could_answer_in_time_fails(gateway: Gateway, keeps: Keeps) -> None:
    engine = scripted()
    async with gateway(engine, keeps(expire_h=0.3 / 3600)) as client:
        engine.fail_with = Overloaded("The model is busy.")
        seen = await finished(client, await submit(client))
        assert (seen["status"], seen["error"]["code"]) == ("failed", 2003)


async def test_a_tenant_has_so_many_open_jobs(gateway: Gateway, keeps: Keeps) -> None:
    async with gateway(scripted(), keeps(workers=0, max_open=2)) as client:
        await submit(client)
        await submit(client)
        reply = await client.post("/v1/jobs", json=ASKED)
        assert (reply.status_code, reply.json()["code"]) == (503, 2001)
        assert int(reply.headers["retry-after"]) > 0


async def test_a_large_delivery_does_not_hold_up_a_small_one(gateway: Gateway, keeps: Keeps) -> None:
    engine = HeldEngine()
    async with gateway(engine, keeps(workers=1, window=2)) as client:
        store = inside(client).jobs.store
        for n in range(10):
            body = json.dumps(ASKED | {"text": f"big {n}"}).encode()
            await store.submit(Order(principal=BIG, wire="tasks", task="vqa", body=body))
        small = await submit(client, text="small")
        engine.let(4)
        assert (await finished(client, small))["status"] == "succeeded"
        assert len(engine.seen) <= 5
        engine.let(10)
        while (await store.page("big", status="queued", limit=1))[0]:
            await asyncio.sleep(0.01)
        await engine.until_seen(11)


async def test_a_running_job_gets_the_drain_time_and_others_go_back(gateway: Gateway, keeps: Keeps) -> None:
    engine = HeldEngine()
    settings = keeps(workers=2)
    async with gateway(engine, settings) as client:
        one, other = await submit(client, text="1?"), await submit(client, text="2?")
        await engine.until_seen(2)
        inside(client).drain()
        closing = asyncio.create_task(inside(client).jobs.aclose(0.3))
        engine.let(1)
        await closing
        store = inside(client).jobs.store
        states = sorted([(await store.get(job["id"], None)).status for job in (one, other)])
        assert states == ["queued", "succeeded"]


async def test_a_webhook_is_signed_and_called_until_it_is_taken(gateway: Gateway, keeps: Keeps) -> None:
    answers = iter([(500, {}, b""), (204, {}, b"")])

    async def hook(headers: dict[str, str], writer: asyncio.StreamWriter) -> Any:
        return next(answers)

    async with site({"/hook": hook}) as served:
        fetch = FetchSettings(private_networks=["127.0.0.0/8"], ports=[])
        async with gateway(scripted("red"), keeps(fetch=fetch)) as client:
            job = await submit(client, webhook=f"http://127.0.0.1:{served.port}/hook")
            secret = base64.b64decode(job["webhook"]["secret"].removeprefix("whsec_"))
            while (await finished(client, job))["webhook"]["status"] != "delivered":
                await asyncio.sleep(0.05)
            assert len(served.asked) == 2
            _, headers = served.asked[-1]
            assert headers["webhook-id"] == job["id"]
            told = f"{job['id']}.{headers['webhook-timestamp']}.{headers['body']}".encode()
            right = base64.b64encode(hmac.new(secret, told, hashlib.sha256).digest()).decode()
            assert headers["webhook-signature"] == f"v1,{right}"
            said = json.loads(headers["body"])
            assert (said["type"], said["data"]["result"]["answer"]) == ("job.succeeded", "red")


async def test_a_webhook_does_not_reach_into_the_house(gateway: Gateway, keeps: Keeps) -> None:
    async with site({"/hook": (204, {}, b"")}) as served:
        async with gateway(scripted("red"), keeps(webhook_tries=1, fetch=FetchSettings(ports=[]))) as client:
            reply = await client.post(
                "/v1/jobs", json=ASKED | {"webhook": f"http://localhost:{served.port}/hook"}
            )
            if reply.status_code == 202:
                while not (await finished(client, reply.json()))["webhook"]["status"].startswith("failed"):
                    await asyncio.sleep(0.05)
        assert served.connections == 0


@pytest.mark.parametrize("header", ["", "true"])
async def test_a_smaller_model_answers_a_job_only_where_that_is_said(
    gateway: Gateway, keeps: Keeps, header: str
) -> None:
    async with gateway(scripted(), keeps(workers=0)) as client:
        given = {"x-allow-degraded": header} if header else {}
        job = (await client.post("/v1/jobs", json=ASKED, headers=given)).json()
        assert (await inside(client).jobs.store.get(job["id"], None)).allow_degraded == bool(header)


async def test_the_operator_looks_at_jobs_and_requeues_them(
    gateway: Gateway, keeps: Keeps, tmp_path: Path
) -> None:
    async def qwen_vl(*words: str) -> str:
        command = [sys.executable, "-m", "gateway.cli", "jobs", *words]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return output.decode()

    engine = scripted("red")
    async with gateway(engine, keeps(max_attempts=1)) as client:
        engine.fail_with = GenerationFailed("The model failed.")
        job = await finished(client, await submit(client))
        listed = await qwen_vl("list", "--status", "failed")
        assert job["id"] in listed
        assert "2004" in listed
        assert json.loads(await qwen_vl("show", job["id"]))["status"] == "failed"
        engine.fail_with = None
        assert "1 jobs begin anew" in await qwen_vl("requeue", "--all-failed")
        assert (await finished(client, job))["status"] == "succeeded"
        assert "succeeded" in await qwen_vl("cancel", job["id"])
        assert "code 1014" not in (nothing := await qwen_vl("show", "job_0"))
        assert "There is no such job" in nothing
