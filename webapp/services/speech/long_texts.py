"""Texts that nobody waits for in silence: heard while they are spoken, watched, and cancelled."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import Conflict, NotFound, SpeechFailed
from webapp.events import Bus, speech_changed
from webapp.policy.queue.job_status import ACTIVE
from webapp.policy.speech import SpeechChoice
from webapp.policy.speech_markup import plain_text
from webapp.services.accounts.identity import Identity
from webapp.services.shared.idempotency import Once
from webapp.services.shared.rate_limits import Hit
from webapp.services.speech import pieces
from webapp.services.speech.options import options_of
from webapp.services.speech.speech import UNSPOKEN, AcceptedSpeech, Speech
from webapp.services.speech.views import SpeechProgress, SpokenSound
from webapp.services.speech.waiting import CANCELLED, Ended, Waiting
from webapp.tables import SpeechRequest

NO_REQUEST: Final = "Speech request not found"
ENDED: Final = "This text is not being spoken any more"


class LongTexts:
    """Accepts texts without waiting for them, tells how far they are, has them heard, and cancels them."""

    def __init__(self, database: Database, clock: Clock, bus: Bus, speech: Speech, waiting: Waiting) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._speech = speech
        self._waiting = waiting
        self._followed: set[asyncio.Task[None]] = set()

    async def begin(
        self,
        identity: Identity,
        choice: SpeechChoice,
        *,
        stream_format: str = "",
        once: Once[AcceptedSpeech] | None = None,
    ) -> SpeechProgress:
        """Write a request down, and follow it to its end: what is not spoken costs nothing of the hour.

        Raises what `Speech.accept` raises.
        """
        if once and (accepted := await once.first_answer()):
            return await self.progress(identity, accepted.request_id)
        request_id, hit = await self._speech.accept(identity, choice, stream_format=stream_format, once=once)
        task = asyncio.create_task(self._follow(request_id, hit, once))
        self._followed.add(task)
        task.add_done_callback(self._followed.discard)
        return await self.progress(identity, request_id)

    async def first_heard(self, identity: Identity, request_id: str) -> SpokenSound | SpeechProgress:
        """Wait for the first sentence of several, and return how far the text is; else for the whole sound.

        Raises what `listen` raises.
        """
        with self._bus.subscribe() as hints:
            while not isinstance(state := await self._waiting.state_of(request_id), Ended):
                progress = await self.progress(identity, request_id)
                if state and progress.sentences > 1:
                    return progress
                await self._waiting.hinted(hints, request_id)
        sound = state.sound()
        async with self._database.transaction(durable=False):
            await pieces.remove(request_id)
        return sound

    async def progress(self, identity: Identity, request_id: str) -> SpeechProgress:
        """Return how far an account's request is. Raises NotFound."""
        speech = SpeechRequest
        row: Row | None = await (
            speech.select(
                speech.request_id,
                speech.status,
                speech.generation_id,
                speech.voice,
                speech.text,
                speech.options,
                speech.sentences,
                speech.sentences_done,
                speech.duration_s,
                speech.refusal,
                speech.stream_format,
            )
            .where(speech.request_id == request_id, speech.account == identity.account_id)
            .first()
        )
        if row is None:
            raise NotFound(NO_REQUEST)
        return _progress(row)

    async def cancel(self, identity: Identity, request_id: str) -> SpeechProgress:
        """End a request of the account's own that is not spoken to its end; it costs nothing.

        Raises NotFound, and Conflict for one that has ended.
        """
        progress = await self.progress(identity, request_id)
        async with self._database.transaction(durable=False):
            rows = await (
                SpeechRequest.update(
                    {
                        SpeechRequest.status: "failed",
                        SpeechRequest.refusal: CANCELLED,
                        SpeechRequest.worker_id: None,
                        SpeechRequest.lease_expires_ms: None,
                        SpeechRequest.finished_ms: self._clock.now_ms(),
                    }
                )
                .where(SpeechRequest.request_id == request_id, SpeechRequest.status.is_in(list(ACTIVE)))
                .returning(SpeechRequest.request_id)
            )
        if not rows:
            raise Conflict(ENDED)
        self._bus.publish(speech_changed(progress.request_id))
        return await self.progress(identity, request_id)

    async def listen(self, request_id: str) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of a stream as they come; it ends when the sound is in the library.

        Raises what went wrong: InvalidRequest, Unavailable, Conflict for a cancelled text, and SpeechFailed.
        """
        number, is_whole = 0, False
        with self._bus.subscribe() as hints:
            while True:
                # The end is looked for first: no piece comes after it.
                ended = await self._waiting.state_of(request_id)
                piece = None if is_whole else await pieces.read(request_id, number)
                if piece is not None:
                    number += 1
                    is_whole = not piece
                    if piece:
                        yield piece
                elif isinstance(ended, Ended):
                    ended.sound()
                    break
                else:
                    await self._waiting.hinted(hints, request_id)
        if not is_whole:
            # Somebody else heard it to its end, or it is too long ago.
            raise SpeechFailed
        async with self._database.transaction(durable=False):
            await pieces.remove(request_id)

    async def until_quiet(self) -> None:
        """Wait until all that was begun here has ended."""
        await asyncio.gather(*self._followed, return_exceptions=True)

    async def close(self) -> None:
        """Follow nothing any more."""
        for task in self._followed:
            task.cancel()
        await self.until_quiet()

    async def _follow(self, request_id: str, hit: Hit | None, once: Once[AcceptedSpeech] | None) -> None:
        try:
            (await self._waiting.until_ended(request_id, is_renewed=True)).sound()
        except UNSPOKEN:
            await self._speech.undo(hit, once)


def _progress(row: Row) -> SpeechProgress:
    return SpeechProgress(
        request_id=row["request_id"],
        status=row["status"],
        generation_id=row["generation_id"],
        voice=row["voice"],
        text=plain_text(row["text"], options_of(row["options"]).markup),
        sentences=row["sentences"],
        sentences_done=row["sentences_done"],
        duration_s=row["duration_s"],
        refusal=row["refusal"],
        stream_format=row["stream_format"],
    )
