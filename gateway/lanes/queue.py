"""One lane's waiting line: a queue for each tenant, so that nobody waits behind another's flood."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

import msgspec


class Ticket(msgspec.Struct, eq=False):
    """A request that waits; its future holds True once it has a slot."""

    tenant: str
    granted: asyncio.Future[bool]


class FairQueue:
    """The next ticket is the oldest of the tenant that holds the fewest slots; among equals, of
    the one that was served longest ago."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Ticket]] = {}
        self._running: Counter[str] = Counter()
        self._last_turn: dict[str, int] = {}
        self._turn = 0
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def ahead_of(self, tenant: str) -> int:
        """How many requests would be served before a new one of this tenant."""
        own = len(self._waiting.get(tenant, ()))
        return sum(min(len(tickets), own + (name != tenant)) for name, tickets in self._waiting.items())

    def join(self, ticket: Ticket) -> None:
        self._waiting.setdefault(ticket.tenant, deque()).append(ticket)
        self._length += 1

    def leave(self, ticket: Ticket) -> bool:
        """Whether the ticket was still waiting."""
        tickets = self._waiting.get(ticket.tenant, ())
        if ticket not in tickets:
            return False
        self._remove(ticket)
        return True

    def take(self) -> Ticket:
        """The next one; there must be one."""
        tenant = min(self._waiting, key=lambda name: (self._running[name], self._last_turn.get(name, 0)))
        ticket = self._waiting[tenant][0]
        self._remove(ticket)
        return ticket

    def push_out_for(self, tenant: str) -> Ticket | None:
        """Room for a tenant with few requests: the last one of the tenant with the most leaves.
        `None` where that would be no fairer."""
        longest = max(self._waiting, key=lambda name: len(self._waiting[name]))
        if len(self._waiting[longest]) <= len(self._waiting.get(tenant, ())) + 1:
            return None
        ticket = self._waiting[longest][-1]
        self._remove(ticket)
        return ticket

    def started(self, tenant: str) -> None:
        self._running[tenant] += 1
        self._turn += 1
        self._last_turn[tenant] = self._turn

    def finished(self, tenant: str) -> None:
        self._running[tenant] -= 1
        self._forget_idle(tenant)

    def _remove(self, ticket: Ticket) -> None:
        tickets = self._waiting[ticket.tenant]
        tickets.remove(ticket)
        if not tickets:
            del self._waiting[ticket.tenant]
            self._forget_idle(ticket.tenant)
        self._length -= 1

    def _forget_idle(self, tenant: str) -> None:
        """A tenant without any request leaves no trace, and comes back as one that had no turn yet."""
        if not self._running[tenant]:
            del self._running[tenant]
            if tenant not in self._waiting:
                self._last_turn.pop(tenant, None)
