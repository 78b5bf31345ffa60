"""Where things lie in the archive."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

RECORDS = "records"
ORIGINALS = "originals"
RESULTS = "results"
REVIEWS = "reviews"


def folder_of(tenant: str) -> str:
    """A tenant's folder. Hashed, since a name may hold anything; no two tenants share one."""
    return sha256(tenant.encode()).hexdigest()[:32]


def original(folder: str, digest: str) -> str:
    return f"{folder}/{ORIGINALS}/{digest[:2]}/{digest}"


def result(folder: str, digest: str) -> str:
    return f"{folder}/{RESULTS}/{digest[:2]}/{digest}.json"


def review(folder: str, digest: str) -> str:
    return f"{folder}/{REVIEWS}/{digest}.json"


def records(folder: str, day: date, name: str) -> str:
    return f"{folder}/{RECORDS}/{day}/{name}.jsonl"


def tombstone(folder: str) -> str:
    return f"{folder}/deleted"


def digest_of(path: str) -> str:
    """The digest that the name of an original, a result or a review is."""
    return path.rpartition("/")[2].partition(".")[0]


def day_of(path: str) -> str:
    """The day of a file of records, as `2026-11-28`."""
    return path.split("/")[-2]
