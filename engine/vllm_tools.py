"""Tool calls as Qwen3-VL writes them, held to their schemas while they are written."""

from __future__ import annotations

from typing import Any

from vllm.tool_parsers.abstract_tool_parser import ToolParserManager
from vllm.tool_parsers.hermes_tool_parser import Hermes2ProToolParser
from xgrammar.structural_tag import JSONSchemaFormat

NAME = "qwen3_vl"
_BLANKS = 1
"""Blanks in a row between the marks of JSON, as many as models are taught."""


@ToolParserManager.register_module(NAME)
class Qwen3VLToolParser(Hermes2ProToolParser):  # type: ignore[misc]
    """Hermes' format, which is Qwen's too, in compact JSON: no model gets lost in blanks."""

    def get_structural_tag(self, *args: Any, **kwargs: Any) -> Any:
        tag = super().get_structural_tag(*args, **kwargs)
        for call in getattr(tag and tag.format, "tags", ()):
            if isinstance(call.content, JSONSchemaFormat):
                call.content.max_whitespace_cnt = _BLANKS
        return tag
