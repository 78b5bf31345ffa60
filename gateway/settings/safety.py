"""The settings of the content policy."""

from __future__ import annotations

from pydantic import Field, FilePath, SecretStr

from gateway.settings.section import Section


class ModerationSettings(Section):
    """A server that speaks OpenAI's moderation API."""

    base_url: str = Field(description="Address of the API, up to and including `/v1`.")
    api_key: SecretStr | None = Field(default=None, description="Key sent as a bearer token.")
    model: str | None = Field(
        default=None, description="Model named in each request, where the server needs one."
    )
    timeout_s: float = Field(default=5, gt=0, description="Seconds one verdict may take.")
    passage_chars: int = Field(
        default=200,
        ge=20,
        description="Characters of a streamed answer that are held back and judged together.",
    )


class SafetySettings(Section):
    classify_images: bool = Field(
        default=True, description="Whether images and video frames pass an NSFW classifier."
    )
    nsfw_threshold: float = Field(
        default=0.8, gt=0, le=1, description="Score of the classifier from which an image is refused."
    )
    video_frames: int = Field(default=8, ge=1, description="Frames of a video that are classified.")
    terms: list[str] = Field(
        default_factory=list, description="Words and phrases that prompts and answers must not hold."
    )
    terms_file: FilePath | None = Field(
        default=None, description="File with further terms, one a line; `#` begins a comment."
    )
    moderation: ModerationSettings | None = Field(
        default=None, description="A moderation endpoint that judges prompts and answers as well."
    )
    fail_open: bool = Field(
        default=False,
        description="Whether content passes unjudged while a classifier fails, instead of being refused.",
    )
    mask_answers: bool = Field(
        default=False, description="Whether personal numbers and addresses are masked in every answer."
    )
