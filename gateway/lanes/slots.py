"""The slots of one engine, shared by lanes.

Each lane has slots of its own. While they are idle, others may borrow a part of them, and give
them back one by one as their requests end: nobody is interrupted. So a burst in one lane finds
at once what was not lent, and the rest within one request's time. What nobody has used for a while
is lent as a whole, but for a spare: a machine with one kind of work does it with all its slots.

A permit may be released by any task: generators are often closed by another task than the one
that started them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from gateway.call import Lane
from gateway.errors import Overload
from gateway.lanes.lane import LaneState
from gateway.lanes.queue import Ticket
from gateway.settings import LaneSettings

_LEAST_RETRY_S = 1.0
_LOOK_S = 1.0
_MARGIN_S = 0.05
"""Seconds before its deadline at which a request leaves the queue, so that its refusal is still in time."""


class Permit:
    """One slot, held until `release`."""

    def __init__(self, release: Callable[[float | None], None], waited_s: float) -> None:
        self._release: Callable[[float | None], None] | None = release
        self._since = time.monotonic()
        self.waited_s = waited_s

    def release(self, *, used: bool = True) -> None:
        """Give the slot back; once is enough, twice does no harm. `used`: the engine answered, so that the
        time it took tells what others will wait."""
        if self._release is not None:
            release, self._release = self._release, None
            release(time.monotonic() - self._since if used else None)


class Slots:
    """`total` slots for the given lanes."""

    def __init__(
        self, total: int, lanes: Mapping[Lane, LaneSettings], lend: float, unused_after_s: float
    ) -> None:
        self._total = total
        self.lanes = {
            name: LaneState(settings, total, lend, unused_after_s) for name, settings in lanes.items()
        }

    @property
    def running(self) -> int:
        return sum(lane.running for lane in self.lanes.values())

    async def acquire(self, name: Lane, tenant: str, deadline: Callable[[], float]) -> Permit:
        """A slot for one request of the lane. `deadline` tells on the monotonic clock by when it
        is needed, and may change while it waits.

        Raises `Overload` where the queue is full or the wait would be, or becomes, too long.
        """
        lane = self.lanes[name]
        lane.asked()
        if not len(lane.queue) and self._may_start(lane):
            self._start(lane, tenant)
            return self._permit(lane, tenant, 0.0)
        self._check(lane, tenant, deadline())
        began = time.monotonic()
        ticket = Ticket(tenant, asyncio.get_running_loop().create_future())
        lane.queue.join(ticket)
        await self._wait(lane, ticket, deadline)
        return self._permit(lane, tenant, time.monotonic() - began)

    def _check(self, lane: LaneState, tenant: str, deadline: float) -> None:
        expected = lane.expected_wait(tenant)
        retry = self._retry(lane, tenant)
        if expected > min(lane.settings.max_wait_s, deadline - time.monotonic()):
            raise Overload("predicted_wait", "The wait would be too long.", retry)
        if len(lane.queue) < lane.settings.queue:
            return
        loser = lane.queue.push_out_for(tenant) if len(lane.queue) else None
        if loser is None:
            raise Overload("queue_full", "Too many requests are waiting.", retry)
        if not loser.granted.done():
            loser.granted.set_exception(Overload("pushed_out", "Too many requests are waiting.", retry))

    async def _wait(self, lane: LaneState, ticket: Ticket, deadline: Callable[[], float]) -> None:
        patience = time.monotonic() + lane.settings.max_wait_s
        try:
            while not ticket.granted.done():
                until = min(patience, deadline() - _MARGIN_S)
                if until <= time.monotonic():
                    raise Overload("max_wait", "The wait took too long.", self._retry(lane, ticket.tenant))
                await asyncio.wait([ticket.granted], timeout=min(_LOOK_S, until - time.monotonic()))
                self._give_out()  # a lane may have fallen out of use meanwhile
            ticket.granted.result()
        except BaseException:
            self._withdraw(lane, ticket)
            raise

    def _withdraw(self, lane: LaneState, ticket: Ticket) -> None:
        """The request leaves; a slot that it was just given goes to the next one."""
        if lane.queue.leave(ticket):
            ticket.granted.cancel()
        elif ticket.granted.done() and not ticket.granted.cancelled() and not ticket.granted.exception():
            self._finish(lane, ticket.tenant, None)

    def _retry(self, lane: LaneState, tenant: str) -> float:
        """Seconds after which a new request of this tenant would have a slot."""
        return max(_LEAST_RETRY_S, lane.expected_wait(tenant))

    def _permit(self, lane: LaneState, tenant: str, waited_s: float) -> Permit:
        return Permit(lambda held_s: self._finish(lane, tenant, held_s), waited_s)

    def _may_start(self, lane: LaneState) -> bool:
        """A free slot is for a lane if it is not one that another lane keeps for itself; no lane takes more
        than its most while others are in use."""
        others = [other for other in self.lanes.values() if other is not lane]
        if lane.running >= lane.most and any(other.used for other in others):
            return False
        return self._total - self.running > sum(other.idle_own for other in others)

    def _start(self, lane: LaneState, tenant: str) -> None:
        if not lane.running:
            # A lane that was idle gains no claim from it: it starts level with those that worked.
            busy = [other.served for other in self.lanes.values() if other.running]
            lane.served = max(lane.served, min(busy, default=0.0))
        lane.start(tenant)

    def _finish(self, lane: LaneState, tenant: str, held_s: float | None) -> None:
        lane.finish(tenant, held_s)
        self._give_out()

    def _give_out(self) -> None:
        """Free slots to those who wait: lanes below their reserve first, then by weight."""
        while waiting := [lane for lane in self.lanes.values() if len(lane.queue) and self._may_start(lane)]:
            lane = min(waiting, key=lambda lane: (not lane.below_reserve, lane.served))
            ticket = lane.queue.take()
            self._start(lane, ticket.tenant)
            ticket.granted.set_result(True)
