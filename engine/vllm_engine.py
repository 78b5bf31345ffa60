"""vLLM's AsyncLLM in this process, behind its own chat-serving object.

Only `engine/vllm_*.py` import vLLM; nothing else in the project may.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from engine import torchvision_cpu
from engine.base import Health, ModelInfo
from engine.config import VllmConfig
from engine.errors import (
    ContextTooLong,
    EngineError,
    EngineUnavailable,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
)
from engine.openai_chunks import ReplyDecoder
from engine.own_thread import in_own_thread
from engine.types import ChatChunk, ChatRequest, MediaPart, Medium, Message, Sampling, TextPart

if TYPE_CHECKING:
    from engine.vllm_boot import CoreClient, Started

_ANY_TEXT = {"type": "string"}
_SHUTDOWN_S = 5.0
"""Seconds the engine's processes get to end by themselves."""


class VllmEngine:
    """One loaded model. `load()` takes from seconds (demo checkpoint) to minutes (30 B)."""

    def __init__(self, name: str, config: VllmConfig, client: CoreClient | None = None) -> None:
        self._name = name
        self._config = config
        self._client = client
        self._info = ModelInfo()
        self._started: Started | None = None
        self._chat: Any = None
        self._builder: Any = None
        self._ready = False
        self._detail = "loading"

    @property
    def info(self) -> ModelInfo:
        return self._info

    async def load(self) -> None:
        try:
            await self._start()
            await self._warm_up()
            gc.collect()
            gc.freeze()  # a million objects that stay: no later look for cycles goes through them
        except EngineError:
            raise
        except Exception as error:
            self._detail = "failed to load"
            raise EngineUnavailable(f"The model {self._name} could not be loaded: {error}") from error
        self._ready, self._detail = True, "ready"

    async def _start(self) -> None:
        from engine import vllm_boot

        torchvision_cpu.install()
        self._started = await in_own_thread(
            "vllm-load", vllm_boot.start, self._name, self._config, self._client
        )
        self._chat = await vllm_boot.serving_chat(self._started)
        self._builder = vllm_boot.request_builder(self._started)
        self._info = vllm_boot.model_info(self._started)

    async def _warm_up(self) -> None:
        """One short answer about a picture, held to a schema: the first user does not pay for what is set
        up with the first request of its kind."""
        from PIL import Image

        picture = Medium("image", "", frames=(Image.new("RGB", (64, 64), "white"),), digest="warm-up")
        request = ChatRequest(
            id="warm-up",
            model=self._name,
            messages=(Message(role="user", content=(MediaPart(picture), TextPart("Hello"))),),
            sampling=Sampling(max_tokens=2),
            response_format={"type": "json_schema", "json_schema": {"name": "warm-up", "schema": _ANY_TEXT}},
            score=True,
        )
        async with aclosing(self._answer(request)) as chunks:
            async for _ in chunks:
                pass

    async def generate(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        if not self._ready:
            raise EngineUnavailable(f"The model {self._name} is {self._detail}.")
        async with aclosing(self._answer(request)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _answer(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        with self._translated_errors():
            chunks = self._parsed(request) if self._needs_parsing(request) else self._direct(request)
            async with aclosing(chunks):
                async for chunk in chunks:
                    yield chunk

    def _needs_parsing(self, request: ChatRequest) -> bool:
        """Whether the answer must pass vLLM's tool and reasoning parsers or log-probability writer."""
        return bool(request.tools or request.sampling.logprobs or self._config.args.get("reasoning-parser"))

    async def _direct(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """The engine's own outputs: no text is rendered and parsed again for each token."""
        from engine.vllm_chunks import OutputReader, failure
        from engine.vllm_request import Lent

        assert self._started is not None
        with Lent(request) as lent:
            body = self._builder.build(request, lent)
            rendered = await self._chat.render_chat_request(body)
        if not isinstance(rendered, tuple):
            raise failure(rendered.error.code, rendered.error.param)
        (prompt,) = rendered[1]
        params = body.to_sampling_params(
            self._max_tokens(request, prompt), self._chat.default_sampling_params
        )
        if request.score:
            params.logprobs = 0  # the sampled token's own, which is all a confidence needs
        traced = request.trace_headers if self._started.args.otlp_traces_endpoint else None
        outputs = self._started.llm.generate(
            prompt,
            params,
            request.id,
            lora_request=self._chat.models.lora_requests.get(request.model),
            priority=request.priority,
            trace_headers=traced,
        )
        reader = OutputReader(request.id, request.model)
        async with aclosing(outputs):
            async for output in outputs:
                yield reader.chunk(output)

    def _max_tokens(self, request: ChatRequest, prompt: Any) -> int:
        """What is left of the context after the prompt, and at most what was asked for."""
        limit = self._info.max_context or 0
        room = limit - len(prompt["prompt_token_ids"])
        asked = request.sampling.max_tokens
        if room < 1:
            raise ContextTooLong(limit)
        return room if asked is None else min(asked, room)

    async def _parsed(self, request: ChatRequest) -> AsyncGenerator[ChatChunk, None]:
        """Through vLLM's chat-serving object, which parses tools and reasoning."""
        from engine.vllm_chunks import failure
        from engine.vllm_request import Lent

        with Lent(request) as lent:
            body = self._builder.build(request, lent)
            reply = await self._chat.create_chat_completion(body)
        if hasattr(reply, "error"):
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError  # vLLM answers it as if it were an error of the client
            raise failure(reply.error.code, reply.error.param)
        decoder = ReplyDecoder(request.id, request.model)
        if not request.stream:
            yield decoder.whole(reply.model_dump_json())
            return
        async with aclosing(reply):
            async for frame in reply:
                if (chunk := decoder.frame(frame.removeprefix("data: ").rstrip().encode())) is not None:
                    yield chunk

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """vLLM's errors as ours. Their text may hold the user's, so it goes no further."""
        from pydantic import ValidationError
        from vllm.exceptions import MaxQueuedTokensError, QueueOverflowError, VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            yield
        except EngineError:
            raise
        except (QueueOverflowError, MaxQueuedTokensError) as error:
            raise Overloaded("The model is busy.") from error
        except (VLLMClientError, ValidationError, ValueError) as error:
            raise self._client_error(error) from error
        except EngineDeadError as error:
            self._ready, self._detail = False, "dead"
            raise EngineUnavailable("The model's engine has stopped.") from error
        except Exception as error:
            if isinstance(error.__cause__ or error, OverflowError | RecursionError):
                raise self._client_error(error) from error  # too large or too deep to be handed on
            raise GenerationFailed("The model failed on this request.") from error

    def _client_error(self, error: Exception) -> InvalidRequest:
        param = getattr(error, "parameter", None)
        text = str(error)
        if "maximum context length" in text or "max_model_len" in text or "maximum model length" in text:
            return ContextTooLong(self._info.max_context or 0)
        where = f" See `{param}`." if param else ""
        return InvalidRequest(f"The model cannot work on this request as it is.{where}", param)

    def health(self) -> Health:
        if self._started is None:
            return Health(ready=False, detail=self._detail)
        if self._started.llm.errored:
            return Health(ready=False, dead=True, detail="dead")
        health = self._started.load.health()
        return msgspec.structs.replace(health, ready=self._ready, detail=self._detail)

    async def aclose(self) -> None:
        self._ready, self._detail = False, "closed"
        if self._started is None:
            return
        llm = self._started.llm
        if llm.output_handler is not None:
            llm.output_handler.cancel()  # else it reports the end of its engine as an error
        await asyncio.to_thread(llm.shutdown, _SHUTDOWN_S)
        self._started.llm = self._started = self._chat = llm = None
        gc.collect()  # vLLM's destructor must not run later, when modules are gone already
