"""Rates in this process alone, for while the state store is away: each replica allows its share."""

from __future__ import annotations

import time
from collections import defaultdict, deque

import msgspec

from gateway.accounts.verdict import Verdict
from gateway.settings import TierSettings

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

    def admit(self, key: str, tier: TierSettings, request_id: str, tokens: int) -> Verdict:
        account, now = self._accounts[key], time.monotonic()
        while account.sent and account.sent[0][0] <= now - _MINUTE_S:
            account.tokens -= account.sent.popleft()[1]
        verdict = self._judge(account, tier, tokens, now)
        if verdict.over is None:
            account.sent.append((now, tokens))
            account.tokens += tokens
            account.running.add(request_id)
        return verdict

    def release(self, key: str, request_id: str) -> None:
        if (account := self._accounts.get(key)) is not None:
            account.running.discard(request_id)

    def _judge(self, account: _Account, tier: TierSettings, tokens: int, now: float) -> Verdict:
        requests = self._share(tier.requests_per_minute)
        most_tokens = self._share(tier.tokens_per_minute)
        running = self._share(tier.concurrency)
        free = account.sent[0][0] + _MINUTE_S - now if account.sent else _MINUTE_S
        left = {
            "requests_left": max(0, (requests or 0) - len(account.sent)),
            "tokens_left": max(0, (most_tokens or 0) - account.tokens),
        }
        if requests is not None and len(account.sent) >= requests:
            return Verdict("requests", **left, retry_s=free)
        if running is not None and len(account.running) >= running:
            return Verdict("concurrency", **left, retry_s=1.0)
        if most_tokens is not None and account.tokens + tokens > most_tokens:
            return Verdict("tokens", **left, retry_s=free)
        return Verdict(None, **left)

    def _share(self, limit: int | None) -> int | None:
        return None if limit is None else max(1, limit // self._replicas)
