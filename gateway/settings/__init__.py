"""The whole configuration: one typed tree from a YAML file, the environment and flags.

Later sources win: file, then `QWEN_VL_*` variables (`QWEN_VL_SERVER__PORT=9000`), then flags.
A wrong or unknown setting raises `SettingsError` with a sentence that names it.
"""

from gateway.settings.accounts import (
    AccountsSettings,
    PriceSettings,
    QuotaSettings,
    TierSettings,
    UsageSettings,
)
from gateway.settings.archive import ArchiveSettings
from gateway.settings.audit import AuditSettings
from gateway.settings.dispatch import (
    CacheSettings,
    LaneSettings,
    LanesSettings,
    OverloadSettings,
    StateSettings,
    TaskSettings,
)
from gateway.settings.jobs import JobsSettings
from gateway.settings.load import SettingsError, load_settings
from gateway.settings.media import BucketSettings, FetchSettings, MediaSettings
from gateway.settings.safety import ModerationSettings, SafetySettings
from gateway.settings.server import ServerSettings
from gateway.settings.telemetry import TelemetrySettings
from gateway.settings.tree import DEFAULT_MODEL, PREFIX, ModelSettings, Settings

__all__ = [
    "DEFAULT_MODEL",
    "PREFIX",
    "AccountsSettings",
    "ArchiveSettings",
    "AuditSettings",
    "BucketSettings",
    "CacheSettings",
    "FetchSettings",
    "JobsSettings",
    "LaneSettings",
    "LanesSettings",
    "MediaSettings",
    "ModelSettings",
    "ModerationSettings",
    "OverloadSettings",
    "PriceSettings",
    "QuotaSettings",
    "SafetySettings",
    "ServerSettings",
    "Settings",
    "SettingsError",
    "StateSettings",
    "TaskSettings",
    "TelemetrySettings",
    "TierSettings",
    "UsageSettings",
    "load_settings",
]
