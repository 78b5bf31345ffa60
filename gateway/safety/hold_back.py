"""Holds the chunks of an answer back until what they say has been judged; chunks are never rewritten."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from engine.types import ChatChunk, Choice
from gateway.safety.base import Safety


class _Channel(msgspec.Struct):
    """What one choice says in one of its voices. Places count characters from its beginning."""

    text: str = ""
    """The end of it: what is not settled, behind a little of what came before."""
    start: int = 0
    """Where `text` begins."""
    judged: int = 0
    """Up to where the moderation endpoint has judged it."""

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    def forget(self, place: int) -> None:
        """Drop what lies before `place`."""
        if place > self.start:
            self.text, self.start = self.text[place - self.start :], place


class HoldBack:
    """A term or a flagged passage raises `GatewayError` before any chunk that holds a part of it leaves.

    Text flows on at once unless it may be the beginning of a term; where a moderation endpoint
    judges answers, it flows passage by passage.
    """

    def __init__(self, safety: Safety, request_id: str) -> None:
        self._safety = safety
        self._request_id = request_id
        self._channels: dict[tuple[int, str], _Channel] = {}
        self._settled: dict[tuple[int, str], int] = {}
        self._held: deque[tuple[ChatChunk, dict[tuple[int, str], int]]] = deque()

    async def add(self, chunk: ChatChunk) -> list[ChatChunk]:
        """Takes a chunk in and gives back those that may leave. Raises `GatewayError`."""
        finished = {choice.index for choice in chunk.choices if choice.finish_reason}
        touched = {key for choice in chunk.choices for key in self._say(choice)}
        touched |= {key for key in self._channels if key[0] in finished}
        self._held.append((chunk, {key: self._channels[key].end for key in touched}))
        for key in touched:
            await self._judge(key, final=key[0] in finished)
        return self._release()

    async def end(self) -> list[ChatChunk]:
        """Judges what is left and gives it back. Raises `GatewayError`."""
        for key in self._channels:
            await self._judge(key, final=True)
        return self._release()

    def _say(self, choice: Choice) -> Iterator[tuple[int, str]]:
        """Puts what the choice gained into its channels, and names them."""
        calls = "".join(
            (call.get("function") or {}).get("arguments") or "" for call in choice.tool_calls or ()
        )
        for voice, piece in (("content", choice.content), ("reasoning", choice.reasoning), ("calls", calls)):
            if piece:
                key = (choice.index, voice)
                self._channels.setdefault(key, _Channel()).text += piece
                yield key

    async def _judge(self, key: tuple[int, str], *, final: bool) -> None:
        channel, safety = self._channels[key], self._safety
        safety.check_terms(channel.text, "answer", self._request_id, open_end=not final)
        settled = channel.end if final else channel.start + safety.terms.settled(channel.text)
        if passage := safety.passage_chars:
            if channel.end > channel.judged and (final or channel.end - channel.judged >= passage):
                await safety.moderate(channel.text, "answer", self._request_id)
                channel.judged = channel.end
            settled = min(settled, channel.judged)
        self._settled[key] = settled
        channel.forget(settled - max(1, passage // 4))

    def _release(self) -> list[ChatChunk]:
        """The chunks at the front of the queue all of whose text is settled."""
        free = []
        while self._held and all(self._settled.get(key, 0) >= end for key, end in self._held[0][1].items()):
            free.append(self._held.popleft()[0])
        return free
