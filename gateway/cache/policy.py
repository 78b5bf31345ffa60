"""Which answers are kept, for how long, and under which key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from gateway.cache.key import SHARED, Origin, answer_key, tenant_scope
from gateway.call import Call, Notes
from gateway.models import Models
from gateway.settings import Settings, SettingsError
from gateway.stream import Reply
from gateway.tasks import Task

_SHAPING = {"max_side", "video_fps", "max_frames", "max_video_s", "max_video_pixels_m", "pdf_dpi"}
"""Settings of the media section that decide what the model sees of the same bytes."""


class CachePolicy:
    """`policy_version` is that of the content policy which every answer passes."""

    def __init__(
        self, settings: Settings, models: Models, tasks: Mapping[str, Task], policy_version: str
    ) -> None:
        if unknown := set(settings.tasks) - set(tasks):
            raise SettingsError(f"The setting tasks names {', '.join(sorted(unknown))}, which is no task.")
        self._settings = settings
        self._models = models
        self._tasks = tasks
        self._policy_version = policy_version
        self._preparation = _digest(settings.media.model_dump(include=_SHAPING))

    def allows(self, call: Call) -> bool:
        """Whether an answer to this call may be given again or kept: the task API's at any temperature,
        others where they are deterministic or the request asks for the cache."""
        if call.cache_control.no_store or not self.ttl_s(call.task):
            return False
        sampling = call.chat.sampling
        deterministic = sampling.temperature == 0 or sampling.seed is not None
        return bool(call.task) or deterministic or call.cache_control.max_age is not None

    def key(self, call: Call) -> str:
        origin = Origin(
            scope=self._scope(call),
            revision=self._models.get(call.chat.model).revision,
            task=call.task,
            prompt_version=self._tasks[call.task].version if call.task else "",
            preparation=self._preparation,
            policy_version=self._policy_version,
        )
        return answer_key(call.chat, origin)

    def ttl_s(self, task: str) -> float:
        """Seconds for which an answer of this task is kept: the settings' word, the task's own, the rule."""
        own = self._settings.tasks.get(task)
        if own is not None and own.cache_ttl_s is not None:
            return own.cache_ttl_s
        if task and (ttl_s := self._tasks[task].cache_ttl_s) is not None:
            return ttl_s
        return self._settings.cache.ttl_s

    def _scope(self, call: Call) -> str:
        own = self._settings.tasks.get(call.task)
        scope = (own and own.cache_scope) or self._settings.cache.scope
        return SHARED if scope == "shared" else tenant_scope(call.tenant)


def _digest(values: Mapping[str, object]) -> str:
    return hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:16]


def worth_keeping(reply: Reply, notes: Notes) -> bool:
    """Only complete answers of the model that was asked, which nobody refused."""
    ended = bool(reply.choices) and all(choice.finish_reason for choice in reply.choices)
    refused = any(choice.finish_reason == "content_filter" for choice in reply.choices)
    return ended and not refused and notes.degraded is None
