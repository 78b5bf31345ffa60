"""The settings of media: where they come from, and how they are read."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, IPvAnyNetwork, SecretStr

from gateway.settings.section import Section


class BucketSettings(Section):
    """One bucket of an object store that speaks S3."""

    endpoint: str = Field(description="Address of the store, such as `https://oss-cn-hangzhou.aliyuncs.com`.")
    region: str = Field(default="us-east-1", description="Region that requests are signed for.")
    access_key: str | None = Field(default=None, description="Access key; empty for a public bucket.")
    secret_key: SecretStr | None = Field(default=None, description="Secret of the access key.")
    virtual_host: bool = Field(
        default=False, description="Whether the bucket's name is part of the host (OSS)."
    )
    tenants: list[str] = Field(
        default_factory=list, description="Tenants that may read the bucket; empty for all of them."
    )


class MediaSettings(Section):
    max_items: int = Field(default=64, ge=1, description="Most media of one request.")
    max_request_mb: float = Field(
        default=64, gt=0, description="Most bytes of one request's media together, in MB."
    )
    max_image_mb: float = Field(default=10, gt=0, description="Largest image file in MB.")
    max_pixels_m: float = Field(
        default=40, gt=0, description="Most pixels of one image in millions, checked before it is decoded."
    )
    max_request_pixels_m: float = Field(
        default=160,
        gt=0,
        description="Most pixels of one request's media together, in millions; several videos count as the "
        "most their frames may have.",
    )
    max_side: int = Field(
        default=2048, ge=64, description="Longer side in pixels to which larger images are scaled down."
    )
    max_pdf_mb: float = Field(default=40, gt=0, description="Largest PDF file in MB.")
    max_pages: int = Field(default=32, ge=1, description="Most pages of one document that are read.")
    pdf_dpi: int = Field(default=144, ge=36, le=600, description="Dots per inch at which pages are rendered.")
    pdf_timeout_s: float = Field(default=10, gt=0, description="Seconds one page may take to render.")
    max_video_mb: float = Field(default=40, gt=0, description="Largest video file in MB.")
    max_video_s: float = Field(default=30, gt=0, description="Longest video in seconds.")
    video_fps: float = Field(default=2, gt=0, description="Frames a second that the model sees of a video.")
    max_frames: int = Field(default=32, ge=2, description="Most frames of one video that the model sees.")
    max_video_pixels_m: float = Field(
        default=8,
        gt=0,
        description="Most pixels of one video's frames together, in millions; frames are scaled down.",
    )
    video_timeout_s: float = Field(
        default=20, gt=0, description="Seconds the videos of one request may take to decode together."
    )
    workers: int = Field(default=2, ge=1, description="Threads that decode media.")
    recent_mb: float = Field(
        default=64,
        ge=0,
        description="MB for the pixels of the latest pictures and clips, which need not be decoded again for "
        "another question; 0 keeps none.",
    )
    files_dir: Path | None = Field(
        default=None,
        description="Folder of uploaded files and of the results of batches; `files` in `server.data_dir` "
        "where empty. Replicas share one.",
    )
    max_files_mb: float = Field(default=2048, gt=0, description="Most MB of uploaded files of one tenant.")
    file_ttl_h: float = Field(default=24, gt=0, description="Hours after which an uploaded file is deleted.")
    max_batch_file_mb: float = Field(
        default=200, gt=0, description="Largest file with the requests of a batch in MB."
    )
    batch_file_ttl_h: float = Field(
        default=30 * 24, gt=0, description="Hours after which files of batches are deleted."
    )
    buckets: dict[str, BucketSettings] = Field(
        default_factory=dict, description="Buckets that `s3://name/key` and `oss://name/key` may name."
    )


class FetchSettings(Section):
    enabled: bool = Field(default=True, description="Whether addresses given by clients are fetched at all.")
    allow_domains: list[str] = Field(
        default_factory=list,
        description="Domains that may be fetched from, their subdomains included; empty for all public ones.",
    )
    private_networks: list[IPvAnyNetwork] = Field(
        default_factory=list,
        description='Networks that may be fetched from although not public: `["10.1.0.0/16"]`.',
    )
    ports: list[int] = Field(
        default_factory=lambda: [80, 443, 8080, 8443],
        description="Ports that may be fetched from; empty for all.",
    )
    connect_timeout_s: float = Field(default=5, gt=0, description="Seconds to look up and connect to a host.")
    idle_timeout_s: float = Field(default=5, gt=0, description="Seconds to wait for the next bytes.")
    total_timeout_s: float = Field(
        default=15, gt=0, description="Seconds for one address, redirects included."
    )
    max_redirects: int = Field(default=3, ge=0, description="Redirects that are followed, each checked anew.")
    max_connections: int = Field(default=64, ge=1, description="Connections to all hosts together.")
    keep_mb: float = Field(
        default=64,
        ge=0,
        description="MB of fetched files kept; each use asks the host whether it has changed.",
    )
