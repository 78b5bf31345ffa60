"""The gateway: task routing, translation, caching, admission and streaming around an engine."""
