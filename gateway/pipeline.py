"""The order of the stages, outermost first."""

from __future__ import annotations

from gateway.stages.admission import Admission
from gateway.stages.archive import ToArchive
from gateway.stages.base import Handler, Services, Stage
from gateway.stages.cache import Cache
from gateway.stages.charge import Charge
from gateway.stages.coalesce import Coalesce
from gateway.stages.fallback import Fallback
from gateway.stages.generate import Generate
from gateway.stages.input_filter import InputFilter
from gateway.stages.mask_answer import MaskAnswer
from gateway.stages.output_filter import OutputFilter
from gateway.stages.pages import Pages
from gateway.stages.prepare_media import PrepareMedia
from gateway.stages.quota import Quota
from gateway.stages.rate_limit import RateLimit
from gateway.stages.read_media import ReadMedia
from gateway.stages.tool_arguments import ToolArguments

STAGES: tuple[Stage, ...] = (
    ToArchive,
    RateLimit,
    MaskAnswer,
    ReadMedia,
    Pages,
    Charge,
    Cache,
    PrepareMedia,
    InputFilter,
    Quota,
    Coalesce,
    OutputFilter,
    ToolArguments,
    Fallback,
    Admission,
)


def build_pipeline(services: Services) -> Handler:
    """One handler out of all stages."""
    handler: Handler = Generate(services)
    for stage in reversed(STAGES):
        handler = stage(handler, services)
    return handler
