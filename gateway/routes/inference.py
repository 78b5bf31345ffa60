"""The routes that ask a model, one for each wire format's path."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.call import Call
from gateway.errors import CONTENT_TYPE, INVALID_REQUEST, UNAVAILABLE, GatewayError
from gateway.hints import Hints, read_hints
from gateway.responses import PipelineResponse, as_gateway_error
from gateway.routes.bodies import read_body
from gateway.routes.errors import ErrorResponse
from gateway.routes.forms import FORM, as_json, once, read_form
from gateway.routes.intake import headers_of, intake
from gateway.routes.submission import TOO_DEEP, job_fields, submit
from gateway.runtime.room import Share
from gateway.state import Gateway, gateway_of
from gateway.wire import anthropic, completions, dashscope, gemini, openai, responses, simple, tasks
from gateway.wire.base import Encoder, Intake, Parse, RenderError


class Inference:
    """An ASGI endpoint: reads the body, parses it, and runs the pipeline on the call.

    With `forms`, the body may also be a form that carries its files as they are.
    """

    def __init__(self, parse: Parse, error: RenderError, *, forms: bool = False) -> None:
        self._parse = parse
        self._error = error
        self._forms = forms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with gateway_of(scope).bodies.share() as share:
            response = await self._response(Request(scope, receive), share)
            if response is not None:
                await response(scope, receive, send)

    async def _response(self, request: Request, share: Share) -> ASGIApp | None:
        gateway, request_id = gateway_of(request.scope), request.scope["state"]["request_id"]
        try:
            return await self._respond(request, gateway, share)
        except ClientDisconnect:
            return None
        except Exception as error:
            return ErrorResponse(as_gateway_error(error, request_id), self._error, request_id)

    async def _respond(self, request: Request, gateway: Gateway, share: Share) -> ASGIApp:
        # A server that drains still answers what reaches it: its proxy learns a moment later that it goes.
        if not gateway.models.ready:
            raise _not_ready(gateway)
        body, uploads, intake, hints = await read_request(request, share, forms=self._forms)
        call, encoder = self._parsed(body, intake)
        hints.apply(call)
        state = request.scope["state"]
        call.principal, state["call"] = state["principal"], call
        if call.background:
            await gateway.services.accounts.count_beside(call.principal, "other_requests")
            job, _ = await submit(request, call, body, uploads, job_fields(body))
            return _accepted(call, job.id)
        return PipelineResponse(gateway.handler, call, encoder, self._error, gateway.telemetry)

    def _parsed(self, body: bytes, intake: Intake) -> tuple[Call, Encoder]:
        """Formats walk through what a client may nest as it likes. Raises `GatewayError`."""
        try:
            return self._parse(body, intake)
        except RecursionError:
            raise GatewayError(INVALID_REQUEST, TOO_DEEP) from None


async def read_request(
    request: Request, share: Share, *, forms: bool
) -> tuple[bytes, dict[str, bytes], Intake, Hints]:
    """The body as JSON, the files of a form by the source that names them in it, and what else a
    format may know. Raises `GatewayError`."""
    settings = gateway_of(request.scope).settings
    headers = headers_of(request)
    is_form = forms and headers.get("content-type", "").lower().startswith(FORM)
    _check_headers(headers, is_form)
    hints = read_hints(headers)
    body = await read_body(request, settings.server.max_body_mb * 1e6, share)
    uploads: dict[str, bytes] = {}
    if is_form:
        kind = headers["content-type"]
        body, uploads = await as_json(await read_form(once(body), kind, settings.media.max_items))
    return body, uploads, intake(request, headers, uploads, hints), hints


def _accepted(call: Call, job_id: str) -> Response:
    """DashScope's SDK knows no other status than 200."""
    accepted, status = (dashscope.accepted, 200) if call.wire == dashscope.name else (tasks.accepted, 202)
    headers = {"location": f"/v1/jobs/{job_id}"}
    return Response(accepted(job_id, call.request_id), status, headers, media_type="application/json")


def _not_ready(gateway: Gateway) -> GatewayError:
    why = "The server is shutting down." if gateway.draining else "The model is still loading."
    return GatewayError(UNAVAILABLE, why, retry_after=5)


def _check_headers(headers: Mapping[str, str], is_form: bool) -> None:
    kind = headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if not is_form and kind != "application/json" and not kind.endswith("+json"):
        raise GatewayError(CONTENT_TYPE)
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise GatewayError(CONTENT_TYPE, "The body is compressed.")


def _route(path: str, parse: Parse, error: RenderError, *, forms: bool = False) -> Route:
    endpoint: Callable[..., object] = Inference(parse, error, forms=forms)
    return Route(path, endpoint, methods=["POST"])


def _gemini(version: str) -> tuple[BaseRoute, ...]:
    model = f"/{version}/models/{{model:path}}"
    return (
        _route(f"{model}:generateContent", gemini.parse, gemini.error),
        _route(f"{model}:streamGenerateContent", gemini.parse_stream, gemini.error),
        _route(f"{model}:countTokens", gemini.parse_count, gemini.error),
    )


ROUTES: tuple[BaseRoute, ...] = (
    _route("/infer", tasks.parse, tasks.error, forms=True),
    _route("/infer_stream", tasks.parse_stream, tasks.error, forms=True),
    _route("/v1/chat/completions", openai.parse, openai.error),
    _route("/v1/completions", completions.parse, completions.error),
    _route("/v1/responses", responses.parse, responses.error),
    _route("/v1/chat", simple.parse, simple.error),
    _route("/v1/chat/stream", simple.parse_stream, simple.error),
    _route("/v1/messages", anthropic.parse, anthropic.error),
    _route("/v1/messages/count_tokens", anthropic.parse_count, anthropic.error),
    *_gemini("v1"),
    *_gemini("v1beta"),
    _route("/api/v1/services/aigc/multimodal-generation/generation", dashscope.parse, dashscope.error),
)
