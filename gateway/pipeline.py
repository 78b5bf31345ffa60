"""The order of the stages, outermost first."""

from __future__ import annotations

from gateway.stages.base import Handler, Services, Stage
from gateway.stages.generate import Generate
from gateway.stages.input_filter import InputFilter
from gateway.stages.mask_answer import MaskAnswer
from gateway.stages.output_filter import OutputFilter
from gateway.stages.pages import Pages
from gateway.stages.prepare_media import PrepareMedia
from gateway.stages.read_media import ReadMedia

STAGES: tuple[Stage, ...] = (
    MaskAnswer,
    ReadMedia,
    Pages,
    PrepareMedia,
    InputFilter,
    OutputFilter,
)


def build_pipeline(services: Services) -> Handler:
    """One handler out of all stages."""
    handler: Handler = Generate(services)
    for stage in reversed(STAGES):
        handler = stage(handler, services)
    return handler
