"""Rates in this process alone, for while the state store is away: each replica allows its share."""

from __future__ import annotations

import time
from collections import defaultdict, deque

import msgspec

from gateway.accounts.limits import Limits
from gateway.accounts.verdict import Limit, Verdict

_MINUTE_S = 60.0


class _Account(msgspec.Struct):
    """What one key did in the last minute."""

    sent: deque[float] = msgspec.field(default_factory=deque)
    """When its requests came."""
    used: deque[tuple[float, int]] = msgspec.field(default_factory=deque)
    """When tokens were reserved, and how many: once or more often for a request."""
    tokens: int = 0
    running: set[str] = msgspec.field(default_factory=set)

    def use(self, now: float, tokens: int) -> None:
        if tokens:
            self.used.append((now, tokens))
            self.tokens += tokens

    def forget(self, before: float) -> None:
        while self.sent and self.sent[0] <= before:
            self.sent.popleft()
        while self.used and self.used[0][0] <= before:
            self.tokens -= self.used.popleft()[1]


class LocalLimits:
    def __init__(self, replicas: int) -> None:
        self._replicas = replicas
        self._accounts: defaultdict[str, _Account] = defaultdict(_Account)

    def admit(self, key: str, limits: Limits, request_id: str, tokens: int) -> Verdict:
        account, now = self._account(key)
        over = self._over(account, limits) or self._over_tokens(account, limits, tokens)
        if over is None:
            account.sent.append(now)
            account.use(now, tokens)
            account.running.add(request_id)
        return self._verdict(over, account, limits, now)

    def extend(self, key: str, limits: Limits, tokens: int) -> Verdict:
        """More tokens for a request that runs."""
        account, now = self._account(key)
        over = self._over_tokens(account, limits, tokens)
        if over is None:
            account.use(now, tokens)
        return self._verdict(over, account, limits, now)

    def release(self, key: str, request_id: str) -> None:
        if (account := self._accounts.get(key)) is not None:
            account.running.discard(request_id)

    def _account(self, key: str) -> tuple[_Account, float]:
        account, now = self._accounts[key], time.monotonic()
        account.forget(now - _MINUTE_S)
        return account, now

    def _over(self, account: _Account, limits: Limits) -> Limit | None:
        requests, running = self._share(limits.requests), self._share(limits.concurrency)
        if requests and len(account.sent) >= requests:
            return "requests"
        return "concurrency" if running and len(account.running) >= running else None

    def _over_tokens(self, account: _Account, limits: Limits, tokens: int) -> Limit | None:
        most = self._share(limits.tokens)
        return "tokens" if most and account.tokens + tokens > most else None

    def _verdict(self, over: Limit | None, account: _Account, limits: Limits, now: float) -> Verdict:
        requests_left = max(0, self._share(limits.requests) - len(account.sent))
        tokens_left = max(0, self._share(limits.tokens) - account.tokens)
        return Verdict(over, requests_left, tokens_left, _wait(over, account, now))

    def _share(self, limit: int) -> int:
        return max(1, limit // self._replicas) if limit else 0


def _wait(over: Limit | None, account: _Account, now: float) -> float | None:
    """Seconds until the oldest of what fills the minute leaves it."""
    if over == "requests":
        return account.sent[0] + _MINUTE_S - now
    if over == "tokens":
        return account.used[0][0] + _MINUTE_S - now if account.used else _MINUTE_S
    return 1.0 if over == "concurrency" else None
