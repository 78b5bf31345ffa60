"""What tokens cost."""

from __future__ import annotations

import math
from collections.abc import Mapping

from gateway.accounts.limits import NANO
from gateway.call import Call
from gateway.settings import AccountsSettings, PriceSettings

_FREE = PriceSettings()
_PER = 1_000_000
"""Prices are for so many tokens."""


class Prices:
    """`adapters` name the model that each adapter belongs to, whose price holds where it has none."""

    def __init__(self, settings: AccountsSettings, adapters: Mapping[str, str]) -> None:
        self._settings = settings
        self._adapters = adapters

    @property
    def currency(self) -> str:
        """Empty where no model has a price."""
        return self._settings.currency if self._settings.prices else ""

    def of(self, model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> int:
        """Cost in billionths of the currency's unit, rounded up. `cached_tokens` are part of the input."""
        price = self._price(model)
        cached = price.input if price.cached_input is None else price.cached_input
        whole = (input_tokens - cached_tokens) * price.input + cached_tokens * cached
        return math.ceil((whole + output_tokens * price.output) * NANO / _PER)

    def _price(self, model: str) -> PriceSettings:
        prices = self._settings.prices
        return prices.get(model) or prices.get(self._adapters.get(model, ""), _FREE)

    def share(self, call: Call) -> float:
        """The share of the price that this answer costs, by how it came about."""
        if call.notes.cache in ("hit", "coalesced"):
            return self._settings.cached_price
        return 1 if call.notes.degraded is None else self._settings.degraded_price
