"""Writes down what an answer, or that about one page, came to: in tokens and at its price.

What breaks off, since the client left or the engine failed, is charged as far as it came; a run that
went on for others, whole. An answer that never began costs nothing.
"""

from __future__ import annotations

from contextlib import aclosing

from engine.types import ChatChunk, Choice, Usage
from gateway.accounts.estimate import cap_answer, media_tokens, text_tokens
from gateway.call import Call, Events
from gateway.stages.base import Handler, Services

_CHARACTERS = 4
"""Of a token, about."""


class Charge:
    def __init__(self, inner: Handler, services: Services) -> None:
        self._inner = inner
        self._accounts = services.accounts
        self._models = services.settings.models

    async def __call__(self, call: Call) -> Events:
        cap_answer(call, self._accounts.limits(call.principal))
        return self._charged(call)

    async def _charged(self, call: Call) -> Events:
        usage: Usage | None = None
        model, written = "", 0
        try:
            async with aclosing(await self._inner(call)) as events:
                async for event in events:
                    if isinstance(event, ChatChunk):
                        model, usage = event.model, event.usage or usage
                        written += sum(map(_tokens, event.choices))
                    yield event
        finally:
            if (last := call.notes.last) is not None:
                model, usage = last.model, usage or last.usage
            if model:
                self._write(call, model, usage or self._so_far(call, written))

    def _so_far(self, call: Call, written: int) -> Usage:
        """Of an answer that broke off, as far as is known: engines tell only at the end."""
        return Usage(text_tokens(call.chat) + media_tokens(call.chat), written)

    def _write(self, call: Call, model: str, usage: Usage) -> None:
        prices, bill = self._accounts.prices, call.bill
        share = prices.share(call)
        if call.notes.cache not in ("hit", "coalesced"):
            bill.input_tokens += usage.prompt_tokens
            bill.output_tokens += usage.completion_tokens
            bill.cached_tokens += usage.cached_tokens
            bill.image_tokens += media_tokens(call.chat)
        bill.model = model if model in self._models else call.chat.model
        whole = prices.of(bill.model, usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)
        bill.cost += round(whole * share)
        bill.currency = prices.currency


def _tokens(choice: Choice) -> int:
    """As the engine counts them; where it does not, by what was written: slow readers get many at once."""
    return choice.token_count or max(1, (len(choice.content) + len(choice.reasoning)) // _CHARACTERS)
