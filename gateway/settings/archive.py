"""The settings of the archive."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from gateway.settings.section import Section

_LOCAL = "local"


class ArchiveSettings(Section):
    url: str = Field(
        default="none",
        description="Where originals and results are kept: `none`, `local` (the folder `archive` in the data "
        "folder), a folder as `/srv/archive`, or a bucket as `s3://name/prefix`.",
    )
    endpoint: str | None = Field(
        default=None, description="Address of an object store other than AWS, as `https://minio.internal`."
    )
    region: str = Field(default="us-east-1", description="Region that requests to the bucket are signed for.")
    access_key: str | None = Field(
        default=None, description="Access key; empty for what the environment or the machine's role gives."
    )
    secret_key: SecretStr | None = Field(default=None, description="Secret of the access key.")
    virtual_host: bool = Field(
        default=False, description="Whether the bucket's name is part of the host (OSS)."
    )
    tenants: list[str] = Field(
        default_factory=list, description="Tenants whose requests are archived; empty for all."
    )
    opt_out: bool = Field(
        default=True,
        description="Whether a request with `Cache-Control: no-store` stays out of the archive.",
    )
    days: int = Field(
        default=90, ge=0, description="Days after which everything is deleted, reviewed or not; 0 for never."
    )
    waiting: int = Field(
        default=10_000, ge=1, description="Answers that wait in memory while the store is slow or fails."
    )
    waiting_mb: float = Field(
        default=256, gt=0, description="Most MB of their media; what comes on top is dropped and counted."
    )
    timeout_s: float = Field(default=15, gt=0, description="Seconds the store may take for one object.")
    drain_s: float = Field(
        default=10, ge=0, description="Seconds that what waits gets at shutdown to reach the store."
    )

    @field_validator("url")
    @classmethod
    def _is_a_place(cls, url: str) -> str:
        parts = urlsplit(url)
        if url not in ("none", _LOCAL) and not url.startswith("/"):
            if parts.scheme != "s3":
                raise ValueError("it must be none, local, a folder that begins with /, or s3://name/prefix")
            if not parts.netloc or parts.query or parts.fragment:
                raise ValueError("a bucket is given as s3://name/prefix")
        return url

    @model_validator(mode="after")
    def _has_a_whole_key(self) -> ArchiveSettings:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("access_key and secret_key go together")
        return self

    @property
    def enabled(self) -> bool:
        return self.url != "none"

    def folder(self, default: Path) -> Path | None:
        """Where it lies on the disk; `None` for a bucket."""
        if self.url.startswith("/"):
            return Path(self.url)
        return default if self.url == _LOCAL else None
