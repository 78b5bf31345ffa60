"""Rates in this process alone, for while the state store is away: each replica allows its share."""

from __future__ import annotations

import time
from collections import defaultdict, deque

import msgspec

from gateway.accounts.limits import Limits
from gateway.accounts.verdict import Verdict

_MINUTE_S = 60.0


class _Account(msgspec.Struct):
    """What one key did in the last minute: when, and how many tokens each time."""

    sent: deque[tuple[float, int]] = msgspec.field(default_factory=deque)
    tokens: int = 0
    running: set[str] = msgspec.field(default_factory=set)


class LocalLimits:
    def __init__(self, replicas: int) -> None:
        self._replicas = replicas
        self._accounts: defaultdict[str, _Account] = defaultdict(_Account)

    def admit(self, key: str, limits: Limits, request_id: str, tokens: int) -> Verdict:
        account, now = self._accounts[key], time.monotonic()
        while account.sent and account.sent[0][0] <= now - _MINUTE_S:
            account.tokens -= account.sent.popleft()[1]
        verdict = self._judge(account, limits, tokens, now)
        if verdict.over is None:
            account.sent.append((now, tokens))
            account.tokens += tokens
            account.running.add(request_id)
        return verdict

    def release(self, key: str, request_id: str) -> None:
        if (account := self._accounts.get(key)) is not None:
            account.running.discard(request_id)

    def _judge(self, account: _Account, limits: Limits, tokens: int, now: float) -> Verdict:
        requests = self._share(limits.requests)
        most_tokens = self._share(limits.tokens)
        running = self._share(limits.concurrency)
        free = account.sent[0][0] + _MINUTE_S - now if account.sent else _MINUTE_S
        left = {
            "requests_left": max(0, requests - len(account.sent)),
            "tokens_left": max(0, most_tokens - account.tokens),
        }
        if requests and len(account.sent) >= requests:
            return Verdict("requests", **left, retry_s=free)
        if running and len(account.running) >= running:
            return Verdict("concurrency", **left, retry_s=1.0)
        if most_tokens and account.tokens + tokens > most_tokens:
            return Verdict("tokens", **left, retry_s=free)
        return Verdict(None, **left)

    def _share(self, limit: int) -> int:
        return max(1, limit // self._replicas) if limit else 0
