"""Tells listeners what a thread has spoken, while it speaks on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Final

from webapp.errors import LeaseLost
from webapp.services.speech import SpeechClaim, SpeechNews

# A text with fewer sentences is over before anybody could look at its progress.
MANY_SENTENCES: Final = 8


class SpeechReporter:
    """Takes what a thread has spoken, and writes it in order; what comes meanwhile is written together."""

    def __init__(self, claim: SpeechClaim, write: Callable[[SpeechNews], Awaitable[None]]) -> None:
        """`write` may raise LeaseLost; nothing more is told then, and the thread stops speaking."""
        self._claim = claim
        self._write = write
        self._loop = asyncio.get_running_loop()
        self._is_lost = threading.Event()
        self._arrived = asyncio.Event()
        self._is_over = False
        self._done = self._total = self._next_piece = 0
        self._pieces: list[bytes] = []

    def report(self, done: int, total: int, piece: bytes) -> None:
        """Take a sentence, in the thread. Raises LeaseLost once there is nobody to tell."""
        if self._is_lost.is_set():
            raise LeaseLost(self._claim.key)
        if self._claim.stream_format or total >= MANY_SENTENCES:
            self._loop.call_soon_threadsafe(self._take, done, total, piece)

    def lose(self) -> None:
        """Have the thread stop: the claim is no longer ours."""
        self._is_lost.set()

    def finish(self) -> None:
        """End the stream once all is told that was taken."""
        if self._claim.stream_format:
            # Empty: the mark of its end.
            self._pieces.append(b"")
        self._is_over = True
        self._arrived.set()

    async def run(self) -> None:
        """Write until it is over. Raises LeaseLost."""
        try:
            while not self._is_over or self._pieces:
                await self._arrived.wait()
                self._arrived.clear()
                if self._total:
                    await self._write(self._news())
        except LeaseLost:
            self.lose()
            raise

    def _take(self, done: int, total: int, piece: bytes) -> None:
        self._done, self._total = done, total
        if piece:
            self._pieces.append(piece)
        self._arrived.set()

    def _news(self) -> SpeechNews:
        pieces, self._pieces = tuple(self._pieces), []
        news = SpeechNews(self._total, self._done, self._next_piece, pieces)
        self._next_piece += len(pieces)
        return news
