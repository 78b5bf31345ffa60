"""What was prepared lately: a picture that comes again with another question is not decoded again."""

from __future__ import annotations

from collections import OrderedDict

from engine.types import Medium

_FIELDS = ("frames", "timestamps", "notices", "as_sent", "digest")
"""What preparing fills in. Nobody changes a frame after that, so requests may share them."""


class Recent:
    """Prepared media by their digest; the least used go first, once their pixels are over `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Medium] = OrderedDict()
        self._bytes = 0

    def fill(self, medium: Medium, digest: str) -> bool:
        """Whether the medium was known, and is prepared now."""
        kept = self._kept.get(digest)
        if kept is None:
            return False
        self._kept.move_to_end(digest)
        for field in _FIELDS:
            setattr(medium, field, getattr(kept, field))
        return True

    def keep(self, medium: Medium) -> None:
        """Remember a prepared medium, without its source."""
        size = _size(medium)
        if medium.digest is None or medium.digest in self._kept or size > self._max_bytes:
            return
        prepared = {field: getattr(medium, field) for field in _FIELDS}
        self._kept[medium.digest] = Medium(medium.kind, "", **prepared)
        self._bytes += size
        while self._bytes > self._max_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= _size(gone)


def _size(medium: Medium) -> int:
    return sum(3 * frame.width * frame.height for frame in medium.frames)
