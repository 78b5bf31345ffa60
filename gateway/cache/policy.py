"""Which answers are kept, for how long, and under which key."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.cache.key import SHARED, Origin, answer_key, tenant_scope
from gateway.call import Call, Notes
from gateway.models import Models
from gateway.settings import Settings, SettingsError
from gateway.stream import Reply


class CachePolicy:
    """`prompt_versions` has every task's name and the version of its prompts."""

    def __init__(self, settings: Settings, models: Models, prompt_versions: Mapping[str, str]) -> None:
        if unknown := set(settings.tasks) - set(prompt_versions):
            raise SettingsError(f"The setting tasks names {', '.join(sorted(unknown))}, which is no task.")
        self._settings = settings
        self._models = models
        self._prompt_versions = prompt_versions
        self._policy_version = ""

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
            prompt_version=self._prompt_versions.get(call.task, ""),
            policy_version=self._policy_version,
        )
        return answer_key(call.chat, origin)

    def ttl_s(self, task: str) -> float:
        """Seconds for which an answer of this task is kept."""
        own = self._settings.tasks.get(task)
        if own is None or own.cache_ttl_s is None:
            return self._settings.cache.ttl_s
        return own.cache_ttl_s

    def _scope(self, call: Call) -> str:
        own = self._settings.tasks.get(call.task)
        scope = (own and own.cache_scope) or self._settings.cache.scope
        return SHARED if scope == "shared" else tenant_scope(call.tenant)


def worth_keeping(reply: Reply, notes: Notes) -> bool:
    """Only complete answers of the model that was asked, which nobody refused."""
    ended = bool(reply.choices) and all(choice.finish_reason for choice in reply.choices)
    refused = any(choice.finish_reason == "content_filter" for choice in reply.choices)
    return ended and not refused and notes.degraded is None
