"""Speaking texts, as handlers ask for it: a request is written down, a speech worker speaks, this waits."""

import asyncio
from collections.abc import Mapping
from typing import Final

import msgspec

from webapp.database import Row
from webapp.errors import (
    Conflict,
    InvalidRequest,
    LimitReached,
    NotFound,
    SpeechFailed,
    StorageFull,
    Unavailable,
)
from webapp.events import speech_changed
from webapp.policy.accounts.tiers import Tier
from webapp.policy.speech import (
    NO_BACKING,
    VOICE_NOT_FOUND,
    SpeechChoice,
    default_voice,
    is_voice_id,
    sample_text,
)
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import speech_bucket
from webapp.services.library.browse import find_item
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.models.voices import VoiceRegister
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.idempotency import Once
from webapp.services.shared.leases import storage_key
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.shared.rate_limits import HOUR_S, Hit, LimitUsage, RateLimits
from webapp.services.speech import queries
from webapp.services.speech.options import stored_options
from webapp.services.speech.views import SpokenSound, VoiceView
from webapp.services.speech.waiting import AWAY, Waiting
from webapp.services.workers.arrivals import Arrivals
from webapp.storage import StoredFile
from webapp.tables import SpeechRequest

# What costs nothing of the hour.
UNSPOKEN: Final = (Unavailable, InvalidRequest, Conflict, SpeechFailed)
RATE_LIMITED: Final = "Rate limit exceeded"
SAMPLE_FILE: Final = "sound.wav"


class AcceptedSpeech(msgspec.Struct, frozen=True):
    """A request that was written down: what a repetition under its key waits for."""

    request_id: str


class Speech:
    """Voices, spoken texts, and samples."""

    def __init__(
        self,
        base: Foundation,
        arrivals: Arrivals,
        *,
        storage_guard: StorageGuard,
        rate_limits: RateLimits,
        tiers: Mapping[str, Tier],
        voices: VoiceRegister,
        loose: LooseGroups,
        waiting: Waiting,
    ) -> None:
        self._database = base.database
        self._clock = base.clock
        self._ids = base.ids
        self._bus = base.bus
        self._storage = base.storage
        self._guard = storage_guard
        self._loose = loose
        self._rate_limits = rate_limits
        self._tiers = tiers
        self._preferred_voice = base.settings.voice
        self._arrivals = arrivals
        self._waiting = waiting
        self._register = voices

    async def voices(self) -> tuple[VoiceView, ...]:
        """The voices that can be spoken with now; none while no speech worker runs."""
        return await self._register.read()

    async def usage(self, identity: Identity) -> LimitUsage:
        """Return the used part of the account's hour."""
        return await self._rate_limits.usage(*self._limit(identity))

    async def speak(
        self, identity: Identity, choice: SpeechChoice, *, once: Once[AcceptedSpeech] | None = None
    ) -> SpokenSound:
        """Have a text spoken; the sound is in the account's library when this returns.

        Under a key (`once`) a request that was carried out before is answered as it was then, and one that
        is still being carried out is waited for.

        Raises Unavailable (nobody there to speak), InvalidRequest (no such voice, or nothing to speak),
        LimitReached, StorageFull and SpeechFailed. What is not spoken costs nothing of the hour.
        """
        if once and (accepted := await once.first_answer()):
            return (await self._waiting.until_ended(accepted.request_id)).sound()
        begun_s = asyncio.get_running_loop().time()
        request_id, hit = await self.accept(identity, choice, once=once)
        try:
            return (await self._waiting.until_ended(request_id, since_s=begun_s)).sound()
        except UNSPOKEN:
            await self.undo(hit, once)
            raise

    async def accept(
        self,
        identity: Identity,
        choice: SpeechChoice,
        *,
        stream_format: str = "",
        once: Once[AcceptedSpeech] | None = None,
    ) -> tuple[str, Hit | None]:
        """Write a request down within the limits, to be heard while it is spoken if it has a format.

        Returns its id, and what it cost: None for a repetition. Raises Unavailable, InvalidRequest for an
        unknown voice, LimitReached and StorageFull.
        """
        voice = await self._voice(choice.voice)
        for named in sorted(choice.voices_in_text):
            await self._voice(named)
        if choice.options.over:
            await self._require_sound(identity, choice.options.over)
        request_id, hit = await self._accept(identity, choice, voice, stream_format, once)
        self._bus.publish(speech_changed(request_id))
        return request_id, hit

    def stop(self) -> None:
        """Give up soon what is still waited for: the server stops."""
        self._waiting.stop()

    async def sample(self, voice_id: str) -> StoredFile:
        """A short WAV in a voice: made when first asked for, the same file from then on.

        Raises NotFound for a voice that is not there, Unavailable and SpeechFailed.
        """
        if not is_voice_id(voice_id):
            raise NotFound(VOICE_NOT_FOUND)
        kept = await self._kept_sample(voice_id)
        if kept is not None:
            return kept
        begun_s = asyncio.get_running_loop().time()
        voices = await self._waiting.until_there(self._arrived)
        voice = next((voice for voice in voices if voice.id == voice_id), None)
        if voice is None:
            raise NotFound(VOICE_NOT_FOUND)
        request_id = await self._ask_for_sample(voice)
        ended = await self._waiting.until_ended(request_id, since_s=begun_s)
        if not ended.is_completed:
            raise SpeechFailed
        return await self._storage.open(storage_key(ended.generation_id, ended.fence), SAMPLE_FILE)

    async def forget_sample(self, voice_id: str) -> None:
        """Throw a voice's sample away: another voice may get its name."""
        async with self._database.transaction():
            rows = await (
                SpeechRequest.delete()
                .where(SpeechRequest.voice == voice_id, SpeechRequest.account.is_null())
                .returning(SpeechRequest.generation_id, SpeechRequest.fence)
            )
            keys = [storage_key(row["generation_id"], row["fence"]) for row in rows]
            await self._loose.doom(keys)
        await self._loose.remove(keys)

    async def _arrived(self) -> tuple[VoiceView, ...] | None:
        """The voices; None while a worker that may have some is on its way. Raises Unavailable."""
        voices = await self.voices()
        if voices:
            return voices
        if await self._arrivals.is_coming("speech"):
            return None
        # It may have come between the two looks.
        voices = await self.voices()
        if not voices:
            raise Unavailable(AWAY)
        return voices

    async def _voice(self, voice_id: str | None) -> str:
        """The voice to speak with: the one asked for, else the default."""
        known = [voice.id for voice in await self._waiting.until_there(self._arrived)]
        if voice_id is None:
            return default_voice(known, self._preferred_voice)
        if voice_id not in known:
            raise InvalidRequest(VOICE_NOT_FOUND, field="voice", code="voice_not_found")
        return voice_id

    async def _require_sound(self, identity: Identity, sound_id: str) -> None:
        try:
            await find_item(self._database, identity, sound_id)
        except NotFound:
            raise InvalidRequest(NO_BACKING, field="over") from None

    async def _accept(
        self,
        identity: Identity,
        choice: SpeechChoice,
        voice: str,
        stream_format: str,
        once: Once[AcceptedSpeech] | None,
    ) -> tuple[str, Hit | None]:
        """Do what `accept` does, all of it or nothing, and one after the other for an account.

        The first thing that the transaction takes is the lock of the account's limit.
        """
        async with self._database.transaction(durable=False):
            try:
                hit = await self._rate_limits.hit(*self._limit(identity), RATE_LIMITED)
            except LimitReached:
                if once and (accepted := await once.first_answer()):
                    return accepted.request_id, None
                raise
            if once and (accepted := await once.first_answer()):
                await self._rate_limits.forget(hit)
                return accepted.request_id, None
            full = await self._guard.full([identity.account_id])
            if identity.account_id in full:
                raise StorageFull(full[identity.account_id])
            request_id = self._ids.job_id()
            await self._insert(request_id, identity.account_id, choice, voice, stream_format)
            if once:
                await once.keep(AcceptedSpeech(request_id))
            return request_id, hit

    async def _insert(
        self,
        request_id: str,
        account_id: int | None,
        choice: SpeechChoice,
        voice: str,
        stream_format: str = "",
    ) -> bool:
        """Write a request down; False for a sample that somebody else has asked for meanwhile."""
        request = SpeechRequest(
            request_id=request_id,
            account=account_id,
            generation_id=self._ids.generation_id(),
            created_ms=self._clock.now_ms(),
            text=choice.text,
            voice=voice,
            speed=choice.speed,
            options=stored_options(choice.options),
            stream_format=stream_format,
        )
        rows = await (
            SpeechRequest.insert(request).on_conflict(action="DO NOTHING").returning(SpeechRequest.request_id)
        )
        return bool(rows)

    async def undo(self, hit: Hit | None, once: Once[AcceptedSpeech] | None) -> None:
        """Count nothing for a text that was not spoken, and free its key."""
        if hit is None:
            return
        await self._rate_limits.forget(hit)
        if once:
            await once.forget()

    async def _ask_for_sample(self, voice: VoiceView) -> str:
        request_id = self._ids.job_id()
        async with self._database.transaction(durable=False):
            is_new = await self._insert(request_id, None, SpeechChoice(sample_text(voice.language)), voice.id)
        if is_new:
            self._bus.publish(speech_changed(request_id))
            return request_id
        sample = await self._sample_row(voice.id)
        if sample is None:
            raise SpeechFailed
        return str(sample["request_id"])

    async def _kept_sample(self, voice_id: str) -> StoredFile | None:
        """The file of a sample that was made before; where it is gone, so is its row."""
        row = await self._sample_row(voice_id)
        if row is None or row["status"] != "completed":
            return None
        try:
            return await self._storage.open(storage_key(row["generation_id"], row["fence"]), SAMPLE_FILE)
        except FileNotFoundError:
            async with self._database.transaction(durable=False):
                await SpeechRequest.delete().where(SpeechRequest.request_id == row["request_id"])
            return None

    async def _sample_row(self, voice_id: str) -> Row | None:
        row: Row | None = await (
            SpeechRequest.select(
                SpeechRequest.request_id,
                SpeechRequest.status,
                SpeechRequest.generation_id,
                SpeechRequest.fence,
            )
            .where(SpeechRequest.voice == voice_id, queries.IS_SAMPLE)
            .first()
        )
        return row

    def _limit(self, identity: Identity) -> tuple[str, int, int]:
        return speech_bucket(identity.account_id), self._tiers[identity.tier].speech_hourly, HOUR_S
