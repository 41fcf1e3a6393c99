"""Waiting for the end of a request that a speech worker carries out, in this process or on another host."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from webapp.database import Database
from webapp.errors import Conflict, InvalidRequest, SpeechFailed, Unavailable
from webapp.events import Bus, Event, Subscription, speech_changed
from webapp.policy.queue.job_status import ACTIVE
from webapp.services.speech.views import SpokenSound
from webapp.settings import Settings
from webapp.tables import SpeechRequest

# How long a request in hand may still take when the server stops: less than that waits for its connections.
LAST_S: Final = 2.0
# How soon a worker that has come is noticed where its hint is lost.
LOOK_S: Final = 0.25
CANCELLED: Final = "This text was cancelled"
AWAY: Final = "Speech is not available right now; please try again in a moment"
BUSY: Final = "Speech takes too long right now; please try again in a moment"


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a request. `refusal` says why one failed, where whoever asked is told."""

    is_completed: bool
    refusal: str
    generation_id: str
    fence: int
    voice: str
    duration_s: float

    def sound(self) -> SpokenSound:
        """Return the sound. Raises InvalidRequest, Unavailable, Conflict and SpeechFailed for one without."""
        if self.is_completed:
            return SpokenSound(self.generation_id, self.voice, self.duration_s)
        if self.refusal in (AWAY, BUSY):
            raise Unavailable(self.refusal)
        if self.refusal == CANCELLED:
            raise Conflict(CANCELLED)
        if self.refusal:
            raise InvalidRequest(self.refusal, field="text")
        raise SpeechFailed


class Waiting:
    """Waits for requests. Hints make it quick, looking by itself makes it certain."""

    def __init__(self, database: Database, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._poll_s = settings.poll_s
        self._longest_s = settings.speech_wait_s
        self._bus = bus
        self._is_stopping = False
        self._held: set[asyncio.Timeout] = set()

    def stop(self) -> None:
        """Wait for nothing much longer: the server stops, and whoever asked is to get an answer."""
        self._is_stopping = True
        self._longest_s = LAST_S
        end_s = asyncio.get_running_loop().time() + LAST_S
        for held in self._held:
            held.reschedule(min(end_s, held.when() or end_s))

    async def until_there(self, look: Callable[[], Awaitable[T | None]]) -> T:
        """Return the result of `look` once a starting worker has come. Raises Unavailable, as `look` may."""
        if (found := await look()) is not None:
            return found
        with self._bus.subscribe() as hints:
            try:
                async with self._limited():
                    while (found := await look()) is None:
                        await self._hinted(hints, Event("status"), min(self._poll_s, LOOK_S))
                    return found
            except TimeoutError:
                raise Unavailable(AWAY) from None

    async def until_ended(
        self, request_id: str, *, since_s: float | None = None, is_renewed: bool = False
    ) -> Ended:
        """Return how a request ended. Raises Unavailable when it does not end in time, and gives it up then.

        The time began at `since_s` by the loop's clock, else now; with `is_renewed` it begins again with each
        sentence that is spoken.
        """
        done = None
        with self._bus.subscribe() as hints:
            try:
                async with self._limited(since_s) as limit:
                    while isinstance(ended := await self.state_of(request_id), int):
                        if is_renewed and ended != done:
                            done = ended
                            self._renew(limit)
                        await self.hinted(hints, request_id)
                    return ended
            except TimeoutError:
                reason = AWAY if self._is_stopping else BUSY
                await self._give_up(request_id, reason)
                raise Unavailable(reason) from None

    async def hinted(self, hints: Subscription, request_id: str) -> None:
        """Wait until something may have changed about a request."""
        await self._hinted(hints, speech_changed(request_id), self._poll_s)

    def _renew(self, limit: asyncio.Timeout) -> None:
        if not self._is_stopping:
            limit.reschedule(asyncio.get_running_loop().time() + self._longest_s)

    @asynccontextmanager
    async def _limited(self, since_s: float | None = None) -> AsyncIterator[asyncio.Timeout]:
        now_s = asyncio.get_running_loop().time()
        passed_s = 0.0 if since_s is None else now_s - since_s
        async with asyncio.timeout(max(0.0, self._longest_s - passed_s)) as held:
            self._held.add(held)
            try:
                yield held
            finally:
                self._held.discard(held)

    async def state_of(self, request_id: str) -> Ended | int:
        """Return how a request ended, or how many of its sentences are spoken so far."""
        row = await (
            SpeechRequest.select(
                SpeechRequest.status,
                SpeechRequest.refusal,
                SpeechRequest.generation_id,
                SpeechRequest.fence,
                SpeechRequest.voice,
                SpeechRequest.duration_s,
                SpeechRequest.sentences_done,
            )
            .where(SpeechRequest.request_id == request_id)
            .first()
        )
        if row is None:
            # Its account was deleted meanwhile.
            raise Unavailable(AWAY)
        if row["status"] in ACTIVE:
            return int(row["sentences_done"])
        return Ended(
            is_completed=row["status"] == "completed",
            refusal=row["refusal"],
            generation_id=row["generation_id"],
            fence=row["fence"],
            voice=row["voice"],
            duration_s=row["duration_s"] or 0.0,
        )

    async def _hinted(self, hints: Subscription, wanted: Event, poll_s: float) -> None:
        """Wait for this hint, or until it is time to look anyway."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + poll_s
        while (left_s := until_s - loop.time()) > 0:
            if wanted in await hints.wait(left_s):
                return

    async def _give_up(self, request_id: str, reason: str) -> None:
        async with self._database.transaction(durable=False):
            await SpeechRequest.update(
                {
                    SpeechRequest.status: "failed",
                    SpeechRequest.refusal: reason,
                    SpeechRequest.worker_id: None,
                    SpeechRequest.lease_expires_ms: None,
                    SpeechRequest.finished_ms: SpeechRequest.created_ms,
                }
            ).where(SpeechRequest.request_id == request_id, SpeechRequest.status.is_in(list(ACTIVE)))
