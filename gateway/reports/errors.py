"""What keeps a report from being read."""

from gateway.client.errors import QwenVLError


class ReportError(QwenVLError):
    """The document, the rules or the output cannot be used; `str()` is a sentence that says why."""
