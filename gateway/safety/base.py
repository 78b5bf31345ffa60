"""The content policy: every judgement goes through `Safety`, which also says why and keeps the record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import sha256
from typing import TypeVar

import msgspec

from engine.types import Medium
from gateway.errors import CONTENT, UNAVAILABLE, GatewayError
from gateway.safety import terms
from gateway.safety.classifier import ImageClassifier
from gateway.safety.moderation import Moderation, ModerationFailed
from gateway.settings import SafetySettings

T = TypeVar("T")
V = TypeVar("V")

audit = logging.getLogger("gateway.audit")
log = logging.getLogger("gateway")

_LONG = 4096
"""Characters from which looking for terms would be felt on the event loop."""
_VERSION = 2
"""Raised with every change of what is refused that the settings do not show."""


class Safety:
    def __init__(self, settings: SafetySettings) -> None:
        self._settings = settings
        self._classifier = ImageClassifier(settings) if settings.classify_images else None
        self._moderation = Moderation(settings.moderation) if settings.moderation else None
        self.terms = terms.load(settings.terms, settings.terms_file)
        shown = settings.model_dump(mode="json", exclude={"terms", "terms_file"})
        about = msgspec.json.encode([_VERSION, self.terms.version, shown])
        self.policy_version = sha256(about).hexdigest()[:16]
        """Changes with everything that decides what is refused; part of a cached answer's key."""

    async def warm_up(self) -> None:
        """Load what the first request would otherwise wait for. What cannot be loaded fails with the
        requests that need it, as the configuration says."""
        if self._classifier is not None:
            try:
                await self._classifier.warm_up()
            except Exception as error:
                log.error("the image classifier cannot be loaded: %s", error)

    @property
    def judges_text(self) -> bool:
        return bool(self.terms) or self._moderation is not None

    @property
    def passage_chars(self) -> int:
        """How many characters of an answer are judged together; 0 where only terms are looked for."""
        return self._settings.moderation.passage_chars if self._settings.moderation else 0

    @property
    def masks_answers(self) -> bool:
        return self._settings.mask_answers

    def check_terms(self, text: str, where: str, request_id: str, *, open_end: bool = False) -> None:
        """Raises `GatewayError` for a text that holds a term."""
        if (term := self.terms.find(text, open_end=open_end)) is not None:
            raise _refuse(where, f"term {_digest(term)}", _digest(text), request_id)

    async def moderate(self, text: str, where: str, request_id: str) -> None:
        """Raises `GatewayError` for a text that the moderation endpoint flags."""
        if self._moderation is None or not text.strip():
            return
        reason = await self._judged(self._moderation.flagged, text, None)
        if reason is not None:
            raise _refuse(where, f"moderation {reason}", _digest(text), request_id)

    async def check_texts(self, texts: Iterable[str], where: str, request_id: str) -> None:
        """Raises `GatewayError` for texts that hold a term or are flagged."""
        text = "\n".join(texts)
        if len(text) > _LONG:
            await asyncio.to_thread(self.check_terms, text, where, request_id)
        else:
            self.check_terms(text, where, request_id)
        await self.moderate(text, where, request_id)

    async def check_media(self, media: Sequence[Medium], request_id: str) -> None:
        """Raises `GatewayError` for a prepared medium that the classifier refuses."""
        if self._classifier is None:
            return
        for medium in media:
            score = await self._judged(self._classifier.score, medium, 0.0)
            if score >= self._settings.nsfw_threshold:
                raise _refuse(medium.kind, f"nsfw {score:.2f}", medium.sha256 or "", request_id)

    async def aclose(self) -> None:
        if self._classifier is not None:
            self._classifier.close()
        if self._moderation is not None:
            await self._moderation.aclose()

    async def _judged(self, judge: Callable[[T], Awaitable[V]], content: T, harmless: V) -> V:
        """The verdict; where there is none, refuse or let pass, as configured."""
        try:
            return await judge(content)
        except GatewayError:
            raise
        except Exception as error:
            failed = error.__cause__ if isinstance(error, ModerationFailed) else error
            log.error("content could not be judged: %s", type(failed).__name__)
            if self._settings.fail_open:
                return harmless
            raise GatewayError(UNAVAILABLE, "The content cannot be checked now.", retry_after=5) from error


def _refuse(where: str, rule: str, digest: str, request_id: str) -> GatewayError:
    """The refusal, with its line in the audit: digests only, never the content."""
    audit.warning("refused request=%s where=%s rule=%r digest=%s", request_id, where, rule, digest)
    return GatewayError(CONTENT, f"The {where} is not allowed.", rule=rule)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]
