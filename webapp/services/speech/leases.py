"""The speech worker's side of requests: claim, keep, complete, fail, hand back.

The lease protocol is `webapp.services.shared.leases`, as for jobs. Requests stand in no queue with jobs and
never take its lock: speech does not wait for music.
"""

from collections.abc import Collection, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from piccolo.custom_types import Combinable

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.events import Bus, speech_changed
from webapp.policy.moments import SKEW_MS
from webapp.policy.speech import USUAL_OPTIONS, VOICE_MODEL, SpeechOptions, as_prompt
from webapp.policy.speech_markup import plain_text
from webapp.services.library.adding import NewSound, add_sound
from webapp.services.library.sounds import SoundFacts
from webapp.services.shared.lease_queries import Kept
from webapp.services.shared.leases import LeasedTable, LeaseStore, storage_key
from webapp.services.speech import pieces, queries
from webapp.services.speech.options import options_of
from webapp.settings import Settings
from webapp.tables import Sound, SpeechRequest

# A text that has ended this many workers may be what ends them.
LOST_WORKERS_LIMIT: Final = 3
KEPT_FOR_MS: Final = 25 * 3_600_000
LEASED_REQUESTS: Final = LeasedTable(SpeechRequest)


@dataclass(frozen=True, slots=True)
class SpeechClaim:
    """A request in a worker's hands. Without an account it is the sample of a voice."""

    request_id: str
    generation_id: str
    account_id: int | None
    worker_id: str
    fence: int
    text: str
    voice: str
    speed: float
    submitted_ms: int
    stream_format: str = ""
    options: SpeechOptions = USUAL_OPTIONS

    @property
    def storage_key(self) -> str:
        """Name the folder of this claim's files."""
        return storage_key(self.generation_id, self.fence)

    @property
    def key(self) -> str:
        """The request's key in the lease protocol."""
        return self.request_id

    @property
    def model(self) -> str:
        """The model of spoken sounds."""
        return VOICE_MODEL


@dataclass(frozen=True, slots=True)
class SpeechNews:
    """The progress of a text, and the next pieces of its stream, from the piece of a number on."""

    sentences: int
    sentences_done: int
    first_piece: int = 0
    pieces: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Backing:
    """A sound that a text is spoken over."""

    storage_key: str
    license: str


class SpeechLeases:
    """The speech worker's side of requests."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._store = LeaseStore(database, clock, settings, LEASED_REQUESTS)

    async def claim(self, worker_id: str, voices: Collection[str]) -> SpeechClaim | None:
        """Take the next request for one of these voices, fairly between accounts; None when there is none."""
        # A look without a transaction, so that idle workers write nothing.
        if not voices or not await SpeechRequest.exists().where(queries.WAITING):
            return None
        async with self._transaction():
            now_ms = self._clock.now_ms()
            latest_ms = self._store.latest_expiry_ms(now_ms)
            request_id = await queries.next_request(self._database, voices, latest_ms)
            row = await self._store.claim(request_id, worker_id, now_ms) if request_id else None
        return _claim(row, worker_id) if row else None

    async def keep(self, worker_id: str, claims: Iterable[SpeechClaim]) -> Kept:
        """Record the heartbeat and renew the leases; returns (request id, fence) of those that hold."""
        return await self._store.keep(worker_id, claims)

    async def backing(self, claim: SpeechClaim) -> Backing | None:
        """Return the sound that a text is spoken over; None where it is gone."""
        sound_id = claim.options.over
        row = await (
            Sound.select(Sound.storage_key, Sound.license).where(Sound.generation_id == sound_id).first()
        )
        return Backing(row["storage_key"], row["license"]) if row else None

    async def record_progress(self, claim: SpeechClaim, news: SpeechNews) -> None:
        """Record how far a text is, and let its listeners have the next pieces. Raises LeaseLost."""
        numbered = enumerate(news.pieces, news.first_piece)
        async with self._transaction():
            await self._store.write(
                claim,
                {
                    SpeechRequest.sentences: news.sentences,
                    SpeechRequest.sentences_done: news.sentences_done,
                },
            )
            await pieces.add(claim.request_id, numbered, self._clock.now_ms())
        self._publish(claim.request_id)

    async def complete(self, claim: SpeechClaim, facts: SoundFacts) -> None:
        """Make the sound visible; its files must be published already. Raises LeaseLost."""
        async with self._database.transaction():
            now_ms = self._clock.now_ms()
            await self._store.end(claim, "completed", {SpeechRequest.duration_s: facts.duration_s})
            if claim.account_id is not None:
                await add_sound(_new_sound(claim, claim.account_id), facts, now_ms)
            await SpeechRequest.delete().where(
                # One far ahead was written before a clock was set back.
                (SpeechRequest.finished_ms < now_ms - KEPT_FOR_MS)
                | (SpeechRequest.finished_ms > now_ms + SKEW_MS),
                SpeechRequest.account.is_not_null() | (SpeechRequest.status == "failed"),
            )
            await pieces.remove_old(now_ms)
        self._publish(claim.request_id)

    async def fail(self, claim: SpeechClaim, refusal: str = "") -> None:
        """End a request without a sound; `refusal` gives the reason where its own text is the reason.

        Raises LeaseLost.
        """
        async with self._transaction():
            await self._store.end(claim, "failed", {SpeechRequest.refusal: refusal})
        self._publish(claim.request_id)

    async def hand_back(self, claim: SpeechClaim) -> None:
        """Let another worker have the request, because this one stops. Raises LeaseLost."""
        async with self._transaction():
            await self._store.requeue(claim)
        self._publish(claim.request_id)

    async def take_back_lapsed(self) -> list[str]:
        """Let others have the requests whose lease has lapsed; returns their ids."""
        return await self._take_back(self._store.lapsed())

    async def take_back_from(self, worker_id: str) -> list[str]:
        """Let others have the requests of a worker that is known to be dead; returns their ids."""
        return await self._take_back(self._store.of_worker(worker_id))

    async def held_storage_keys(self) -> set[str]:
        """Return where requests in hand may be about to put their files."""
        return await self._store.held_storage_keys()

    def _transaction(self) -> AbstractAsyncContextManager[object]:
        # What power loss undoes is made up for: whoever asked is gone with the server.
        return self._database.transaction(durable=False)

    async def _take_back(self, which: Combinable) -> list[str]:
        requests = await self._store.take_back(
            which,
            transaction=self._transaction,
            lost_workers_limit=LOST_WORKERS_LIMIT,
            give_up=self._give_up,
        )
        self._publish(*requests)
        return requests

    async def _give_up(self, request_id: str, lost_workers: int) -> None:
        """Fail a request that may be what stops the workers."""
        values = {**self._store.ended("failed", self._clock.now_ms()), SpeechRequest.refusal: ""}
        await SpeechRequest.update(values).where(SpeechRequest.request_id == request_id)

    def _publish(self, *request_ids: str) -> None:
        self._bus.publish(*(speech_changed(request_id) for request_id in request_ids))


def _claim(row: Row, worker_id: str) -> SpeechClaim:
    return SpeechClaim(
        request_id=row["request_id"],
        generation_id=row["generation_id"],
        account_id=row["account"],
        worker_id=worker_id,
        fence=row["fence"],
        text=row["text"],
        voice=row["voice"],
        speed=row["speed"],
        submitted_ms=row["created_ms"],
        stream_format=row["stream_format"],
        options=options_of(row["options"]),
    )


def _new_sound(claim: SpeechClaim, account_id: int) -> NewSound:
    return NewSound(
        sound_id=claim.generation_id,
        account_id=account_id,
        storage_key=claim.storage_key,
        model=VOICE_MODEL,
        prompt=as_prompt(plain_text(claim.text, claim.options.markup)),
        is_loopable=False,
    )
