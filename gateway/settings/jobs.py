"""The settings of jobs: requests that are answered later."""

from __future__ import annotations

from pydantic import Field

from gateway.settings.section import Section


class JobsSettings(Section):
    workers: int | None = Field(
        default=None,
        ge=0,
        description="Jobs that one process works on at the same time. Empty: as many as the engines "
        "of the batch lane have slots, and a quarter more that wait ready; 0: it only takes jobs in.",
    )
    max_open: int = Field(default=100_000, ge=1, description="Unfinished jobs of one tenant.")
    window: int = Field(
        default=64,
        ge=1,
        description="Jobs of one tenant in the queue that all tenants share; the others wait behind, so "
        "that a large delivery does not hold up a small one.",
    )
    answer_timeout_s: float = Field(default=300, gt=0, description="Seconds one try at an answer may take.")
    visibility_s: float = Field(
        default=30,
        gt=0,
        description="Seconds without a sign of life after which another process takes a job over.",
    )
    max_attempts: int = Field(
        default=5, ge=1, description="Tries that may fail before a job counts as failed; overload is none."
    )
    max_crashes: int = Field(
        default=10, ge=1, description="Times a job may be lost with its process before it counts as failed."
    )
    backoff_s: float = Field(
        default=1, gt=0, description="Longest pause before the second try in seconds; it doubles each time."
    )
    max_backoff_s: float = Field(default=60, gt=0, description="Longest pause between tries in seconds.")
    expire_h: float = Field(
        default=24, gt=0, description="Hours after which a job that nobody could answer counts as failed."
    )
    keep_h: float = Field(
        default=72, gt=0, description="Hours that finished jobs and their results are kept."
    )
    webhook_tries: int = Field(default=8, ge=1, description="Times a webhook is called until it answers 2xx.")
