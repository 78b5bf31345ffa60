"""Bodies that are forms: files sent as they are, without base64."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from gateway.errors import INVALID_REQUEST, GatewayError

FORM = "multipart/form-data"
_SCHEME = "upload:"


async def read_form(body: AsyncGenerator[bytes, None], content_type: str, most_files: int) -> FormData:
    """The fields and files of a multipart body; files over a megabyte lie on disk. Raises `GatewayError`."""
    headers = Headers({"content-type": content_type})
    parser = MultiPartParser(headers, body, max_files=most_files, max_fields=64, max_part_size=1 << 20)
    try:
        return await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise GatewayError(INVALID_REQUEST, "The form cannot be read.") from error


async def as_json(form: FormData) -> tuple[bytes, dict[str, bytes]]:
    """The JSON body that a form stands for, and its files by the source that names them there.

    `images` may come several times and `video` once, as files or as text; `options` is JSON.
    Raises `GatewayError`.
    """
    body: dict[str, Any] = {}
    uploads: dict[str, bytes] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            source = f"{_SCHEME}{len(uploads)}"
            uploads[source] = await value.read()
        else:
            source = value
        if name == "images":
            body.setdefault("images", []).append(source)
        elif name in body:
            raise GatewayError(INVALID_REQUEST, f"{name[:64]}: is given twice.", param=name[:64])
        else:
            body[name] = _options(source) if name == "options" else source
    try:
        return msgspec.json.encode(body), uploads
    except UnicodeEncodeError:  # some charsets have halves of characters
        raise GatewayError(INVALID_REQUEST, "The form cannot be read.") from None


def _options(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise GatewayError(INVALID_REQUEST, "options: must be JSON.", param="options") from None


async def once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body
