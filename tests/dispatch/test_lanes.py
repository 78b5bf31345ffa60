"""Who gets a slot, who waits, and who is sent away."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from engine.types import MediaPart, Medium, Message, TextPart
from gateway.call import Call, Lane
from gateway.errors import OVERLOADED, Overload
from gateway.lanes.slots import Permit, Slots
from gateway.media.base import MediaReader
from gateway.settings import LaneSettings
from tests.dispatch.engines import HeldEngine
from tests.dispatch.house import House, call, house, settle
from tests.pictures import square
from tests.scripts import scripted

pytestmark = pytest.mark.anyio


def lanes(**own: dict[str, Any]) -> dict[str, LaneSettings]:
    """Interactive and batch, half of the slots each, with changes."""
    plain = {"reserved": 0.5, "queue": 100, "max_wait_s": 60}
    return {name: LaneSettings(**plain | own.get(name, {})) for name in ("interactive", "batch")}


def slots(total: int, lend: float = 1.0, unused_after_s: float = math.inf, **own: dict[str, Any]) -> Slots:
    return Slots(total, lanes(**own), lend, unused_after_s)


async def take(slots: Slots, lane: str, tenant: str = "t", within_s: float = 60) -> Permit:
    deadline = time.monotonic() + within_s
    return await slots.acquire(lane, tenant, lambda: deadline)


class Line:
    """Requests that ask for a slot one after the other; `served` has them in the order of their turn."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.served: list[str] = []
        self.permits: list[Permit] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def ask(self, name: str, lane: str = "interactive", tenant: str = "t") -> None:
        async def wait() -> None:
            permit = await take(self._slots, lane, tenant)
            self.served.append(name)
            self.permits.append(permit)

        self.tasks.append(asyncio.create_task(wait()))
        await settle()

    async def end_one(self) -> None:
        self.permits.pop(0).release()
        await settle()


async def test_idle_slots_are_lent_and_given_back_as_requests_end() -> None:
    shared = slots(4)
    line = Line(shared)
    for number in range(6):
        await line.ask(f"batch {number}", "batch")
    assert len(line.served) == 4, "batch has borrowed the two idle slots of interactive"
    await line.ask("interactive", "interactive")
    await line.end_one()
    assert line.served[-1] == "interactive", "the first slot that is free goes to its owner"
    await line.end_one()
    assert line.served[-1] == "batch 4" or shared.lanes["interactive"].running == 1
    for task in line.tasks:
        task.cancel()


async def test_what_is_not_lent_is_free_at_once() -> None:
    shared = slots(4, lend=0.5)
    (await take(shared, "interactive")).release()
    line = Line(shared)
    for number in range(10):
        await line.ask(f"batch {number}", "batch")
    assert len(line.served) == 3
    await line.ask("interactive", "interactive")
    assert line.served[-1] == "interactive"
    for task in line.tasks:
        task.cancel()


async def test_a_lane_that_nobody_uses_lends_all_but_its_spare() -> None:
    shared = slots(8, lend=0.5, unused_after_s=0.2, interactive={"spare": 1}, batch={"most": 0.5})
    (await take(shared, "interactive")).release()
    line = Line(shared)
    for number in range(8):
        await line.ask(str(number), "batch")
    assert len(line.served) == 4, "somebody asked in the other lane a moment ago"
    await asyncio.sleep(0.25)
    await line.end_one()
    assert len(line.served) == 8, "seven run and one has ended"
    await line.ask("quick", "interactive")
    assert line.served[-1] == "quick", "the spare one"
    await line.ask("next", "interactive")
    await line.end_one()
    assert line.served[-1] == "next", "the lane has its slots back as they end"
    for task in line.tasks:
        task.cancel()


async def test_where_nothing_is_lent_an_unused_lane_keeps_its_slots_too() -> None:
    line = Line(slots(8, lend=0, unused_after_s=0))
    for number in range(8):
        await line.ask(str(number), "batch")
    assert len(line.served) == 4
    for task in line.tasks:
        task.cancel()


async def test_a_lane_that_falls_out_of_use_lends_to_those_that_wait() -> None:
    shared = slots(4, lend=0.5, unused_after_s=0.2)
    (await take(shared, "interactive")).release()
    line = Line(shared)
    for number in range(4):
        await line.ask(str(number), "batch")
    assert len(line.served) == 3
    async with asyncio.timeout(5):
        while len(line.served) < 4:
            await asyncio.sleep(0.01)
    for task in line.tasks:
        task.cancel()


async def test_a_lane_never_holds_more_than_its_most_beside_another() -> None:
    shared = slots(8, batch={"most": 0.5})
    (await take(shared, "interactive")).release()
    line = Line(shared)
    for number in range(8):
        await line.ask(str(number), "batch")
    assert len(line.served) == 4
    for task in line.tasks:
        task.cancel()


async def test_slots_beyond_all_reserves_go_by_weight() -> None:
    line = Line(slots(1, interactive={"weight": 3}))
    for number in range(9):
        await line.ask(f"i{number}", "interactive")
        await line.ask(f"b{number}", "batch")
    for _ in range(8):
        await line.end_one()
    lanes_served = "".join(name[0] for name in line.served)
    assert lanes_served.count("i") in (6, 7)
    assert lanes_served.count("b") in (2, 3)
    for task in line.tasks:
        task.cancel()


async def test_one_tenants_flood_does_not_starve_another() -> None:
    line = Line(slots(1))
    for number in range(20):
        await line.ask(f"flood {number}", tenant="flood")
    await line.ask("quiet 0", tenant="quiet")
    await line.ask("quiet 1", tenant="quiet")
    for _ in range(4):
        await line.end_one()
    assert line.served == ["flood 0", "quiet 0", "flood 1", "quiet 1", "flood 2"]
    for task in line.tasks:
        task.cancel()


async def test_a_full_queue_makes_room_for_a_tenant_with_few_requests() -> None:
    shared = slots(1, interactive={"queue": 3})
    line = Line(shared)
    for number in range(4):
        await line.ask(f"flood {number}", tenant="flood")
    with pytest.raises(Overload) as refused:
        await take(shared, "interactive", "flood")
    assert refused.value.reason == "queue_full"
    await line.ask("quiet", tenant="quiet")
    with pytest.raises(Overload) as pushed_out:
        await line.tasks[3]
    assert pushed_out.value.reason == "pushed_out"
    await line.end_one()
    assert line.served[-1] == "quiet"
    for task in line.tasks:
        task.cancel()


async def test_a_wait_that_would_be_too_long_is_refused_at_once_with_its_length() -> None:
    shared = slots(1, interactive={"max_wait_s": 10})
    lane = shared.lanes["interactive"]
    lane.start("t")
    lane.finish("t", held_s=4.0)  # a request takes four seconds
    line = Line(shared)
    for number in range(3):
        await line.ask(str(number))
    with pytest.raises(Overload) as refused:
        await take(shared, "interactive")
    assert refused.value.reason == "predicted_wait"
    assert refused.value.retry_after == pytest.approx(12.0)
    with pytest.raises(Overload):
        await take(shared, "interactive", "another", within_s=3)
    for task in line.tasks:
        task.cancel()


async def test_a_slot_without_an_answer_says_nothing_of_how_long_one_takes() -> None:
    shared = slots(1)
    (await take(shared, "interactive")).release(used=False)
    lane = shared.lanes["interactive"]
    assert lane.expected_wait("t") == 0.0
    lane.start("t")
    lane.finish("t", held_s=4.0)
    for _ in range(50):
        (await take(shared, "interactive")).release(used=False)
    assert lane.expected_wait("t") == 4.0


async def test_patience_ends_in_a_refusal_within_the_deadline() -> None:
    shared = slots(1)
    await take(shared, "interactive")
    began = time.monotonic()
    with pytest.raises(Overload) as refused:
        await take(shared, "interactive", within_s=0.2)
    assert refused.value.reason == "max_wait"
    assert time.monotonic() - began < 0.2
    assert len(shared.lanes["interactive"].queue) == 0


async def test_a_slot_is_released_once_and_by_any_task() -> None:
    shared = slots(1)
    permit = await take(shared, "interactive")

    async def release() -> None:
        permit.release()
        permit.release()

    await asyncio.create_task(release())
    assert shared.running == 0
    await take(shared, "interactive")
    assert shared.running == 1


async def test_leaving_the_queue_at_the_very_moment_of_ones_turn_loses_no_slot() -> None:
    shared = slots(1)
    first = await take(shared, "interactive")
    waiting = asyncio.create_task(take(shared, "interactive"))
    await settle()
    first.release()  # the slot is now the waiting one's, which does not know yet
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert shared.running == 0


async def ask_all(gateway: House, lane: Lane, number: int, tenant: str = "t") -> list[asyncio.Task[Any]]:
    return [gateway.begin(call(f"{lane} {i} {tenant}", lane=lane, tenant=tenant)) for i in range(number)]


def small(**lanes: Any) -> dict[str, Any]:
    """An engine of four slots, and no cache in the way."""
    engine = {"kind": "scripted", "max_running": 4}
    return {
        "models": {"qwen3-vl-30b": {"engine": engine}},
        "cache": {"url": "none"},
        "lanes": lanes,
    }


async def test_interactive_requests_do_not_wait_behind_a_batch() -> None:
    engine = HeldEngine()
    async with house(engine, **small()) as gateway:
        flood = await ask_all(gateway, "batch", 20)
        await engine.until_seen(3)
        assert len(engine.seen) == 3, "one slot is kept for interactive requests"
        quick = gateway.begin(call("quick"))
        await engine.until_seen(4)
        assert engine.texts[-1] == "quick"
        assert [request.priority for request in engine.seen] == [22, 22, 22, 0]
        engine.let(100)
        await asyncio.gather(quick, *flood)


async def test_a_slot_is_free_again_whatever_ends_the_request() -> None:
    engine = HeldEngine()
    async with house(engine, **small()) as gateway:
        leaver = gateway.begin(call("leaves"))
        await engine.until_seen(1)
        leaver.cancel()
        await engine.until_aborted(1)
        with pytest.raises(TimeoutError):
            await gateway.ask(call("too slow", timeout_s=0.05))
        engine.fail_with = RuntimeError("broken")
        engine.let(1)
        with pytest.raises(RuntimeError):
            await gateway.ask(call("fails"))
        engine.fail_with = None
        engine.let(4)
        await asyncio.gather(*await ask_all(gateway, "interactive", 4))
        await settle()
        assert engine.health().running == 0


async def test_a_full_lane_is_2001_with_a_retry_after_and_counted() -> None:
    engine = HeldEngine()
    nothing = {"reserved": 0, "queue": 0, "max_wait_s": 1}
    everything = {"reserved": 1, "queue": 1, "max_wait_s": 9}
    settings = small(interactive=everything, batch=nothing, video=nothing)
    async with house(engine, **settings) as gateway:
        running = await ask_all(gateway, "interactive", 5)
        await engine.until_seen(4)
        with pytest.raises(Overload) as refused:
            await gateway.ask(call("one more"))
        assert refused.value.code is OVERLOADED
        assert refused.value.reply_headers["retry-after"] == "1"
        assert gateway.metric("gateway_refused_total", lane="interactive", reason="queue_full") == 1
        engine.let(5)
        await asyncio.gather(*running)


async def test_the_queue_depth_counts_what_waits() -> None:
    engine = HeldEngine()
    async with house(engine, **small()) as gateway:
        running = await ask_all(gateway, "batch", 8)
        await engine.until_seen(3)
        await settle()
        assert gateway.metric("gateway_queue_depth", lane="batch") == 5
        assert gateway.metric("gateway_queue_depth", lane="interactive") == 0
        assert gateway.metric("gateway_engine_running", model="qwen3-vl-30b", lane="all") == 3
        engine.let(8)
        await asyncio.gather(*running)
        assert gateway.metric("gateway_queue_depth", lane="batch") == 0
        assert gateway.metric("gateway_queue_wait_seconds_count", lane="batch") == 8


async def test_a_lane_may_have_an_engine_of_its_own() -> None:
    engine = HeldEngine()
    settings = small()
    model = settings["models"]["qwen3-vl-30b"]
    model["pools"] = {"batch": {"kind": "scripted", "answer": "from the pool", "max_running": 2}}
    async with house({}, **settings) as gateway:
        batch, interactive = call("Hello", lane="batch"), call("Hello")
        assert (await gateway.ask(batch)).first.content == "from the pool"
        assert (await gateway.ask(interactive)).first.content != "from the pool"
    assert engine.seen == []


async def test_a_lane_prepares_the_media_of_so_many_requests_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batch = {"reserved": 0.25, "queue": 9, "max_wait_s": 60, "preparing": 2}
    preparing: list[str | None] = []
    go_on = asyncio.Event()

    async def prepare(_: MediaReader, media: Sequence[Medium]) -> None:
        preparing.append(media[0].sha256)
        await go_on.wait()

    monkeypatch.setattr(MediaReader, "prepare", prepare)
    async with house(scripted(), lanes={"batch": batch}, cache={"url": "none"}) as gateway:
        flood = [gateway.begin(about_a_picture(lane="batch")) for _ in range(6)]
        while len(preparing) < 2:
            await asyncio.sleep(0)
        await settle()
        assert len(preparing) == 2
        quick = gateway.begin(about_a_picture(lane="interactive"))
        while len(preparing) < 3:
            await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(quick, *flood)
        assert len(preparing) == 7


def about_a_picture(lane: Lane) -> Call:
    asked = call(lane=lane)
    picture = Medium("image", square())
    message = Message(role="user", content=(MediaPart(picture), TextPart("What?")))
    asked.chat = msgspec.structs.replace(asked.chat, messages=(message,))
    return asked
