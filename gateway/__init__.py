"""The gateway: task routing, translation, caching, admission and streaming around an engine."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("qwen-vl-gateway")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.0.0"
