"""Asks a server that speaks OpenAI's moderation API."""

from __future__ import annotations

import httpx
import msgspec

from gateway.settings import ModerationSettings


class Verdict(msgspec.Struct):
    flagged: bool
    categories: dict[str, bool | None] = {}


class Verdicts(msgspec.Struct):
    results: list[Verdict]


class ModerationFailed(Exception):
    """The server gave no verdict."""


class Moderation:
    def __init__(self, settings: ModerationSettings) -> None:
        self._settings = settings
        key = settings.api_key
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {key.get_secret_value()}"} if key else {},
            timeout=settings.timeout_s,
            trust_env=False,
        )

    async def flagged(self, text: str) -> str | None:
        """The categories for which a text is refused, comma-separated. Raises `ModerationFailed`."""
        body = {"input": text, "model": self._settings.model}
        url = f"{self._settings.base_url.rstrip('/')}/moderations"
        try:
            reply = await self._client.post(url, json={k: v for k, v in body.items() if v is not None})
            reply.raise_for_status()
            verdicts = msgspec.json.decode(reply.content, type=Verdicts)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise ModerationFailed from error
        if not verdicts.results:
            raise ModerationFailed
        flagged = [verdict for verdict in verdicts.results if verdict.flagged]
        names = {name for verdict in flagged for name, holds in verdict.categories.items() if holds}
        return ",".join(sorted(names)) or "unnamed" if flagged else None

    async def aclose(self) -> None:
        await self._client.aclose()
