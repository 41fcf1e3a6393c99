"""A sound that is heard while the worker makes it."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest
import soundfile

from tests.worker.scripted import RATE, ScriptedEngine, ended, hum, silence, submit, working
from tests.worker.streaming import StreamingEngine
from webapp.engines.base import EngineOutOfMemory
from webapp.errors import DatabaseAway, StorageAway
from webapp.policy.queue.live_sound import EARLIER_IS_BETTER, TOO_POOR, LiveSound, Piece, StreamFormat
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.settings import Settings
from webapp.worker.live_take import LiveTake


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05, stop_grace_s=0.1
    )


class Hurdle:
    """Holds the engine up before one chunk until it is let go."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, index: int) -> None:
        if index == self._at:
            self.reached.set()
            assert self.go_on.wait(60)


async def live(services: Services, ann: Identity, job_id: str) -> LiveSound:
    return (await services.queue.jobs.get(ann, job_id)).live


async def want(services: Services, ann: Identity, job_id: str, stream_format: StreamFormat = "wav") -> None:
    await services.listening.runs.want(job_id, await live(services, ann, job_id), stream_format)


async def piece(services: Services, live_sound: LiveSound, stream_format: StreamFormat, index: int) -> Piece:
    """Wait for a piece."""
    with services.bus.subscribe() as hints:
        async with asyncio.timeout(60):
            while (found := await services.listening.pieces.get(live_sound, stream_format, index)) is None:
                await hints.wait(0.2)
    return found


async def stream(
    services: Services, live_sound: LiveSound, stream_format: StreamFormat
) -> AsyncIterator[Piece]:
    index, is_last = 0, False
    while not is_last:
        found = await piece(services, live_sound, stream_format, index)
        yield found
        index, is_last = index + 1, found.is_last


async def heard(services: Services, live_sound: LiveSound, stream_format: StreamFormat) -> bytes:
    return b"".join([found.data async for found in stream(services, live_sound, stream_format)])


async def test_it_is_heard_before_it_is_made_and_from_its_beginning_however_late(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    await want(services, ann, job_id)
    hurdle = Hurdle(3)
    async with working(services, StreamingEngine(hurdle)):
        assert await asyncio.to_thread(hurdle.reached.wait, 60)
        running = await live(services, ann, job_id)
        first = await piece(services, running, "wav", 0)
        assert first.data.startswith(b"RIFF")
        assert not first.is_last
        assert (await live(services, ann, job_id)).is_audible
        # Half way through somebody else comes, with another format and with the same one.
        await want(services, ann, job_id, "flac")
        assert (await piece(services, running, "flac", 0)).data.startswith(b"fLaC")
        hurdle.go_on.set()
        job = await ended(services, ann, job_id)
        assert job.status == "completed"
        assert job.live.attempt == running.attempt == 1
        wav = await heard(services, running, "wav")
        flac = await heard(services, running, "flac")
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert (rate, len(samples)) == (RATE, 2 * RATE)
    np.testing.assert_array_equal(soundfile.read(io.BytesIO(flac), dtype="int16")[0], samples)


async def test_nothing_is_encoded_while_nobody_listens(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    async with working(services, StreamingEngine()):
        job = await ended(services, ann, job_id)
    assert job.live.is_audible
    assert set(await services.listening.store.keys()) == set()


async def test_a_discarded_take_is_another_attempt(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    await want(services, ann, job_id)
    async with working(services, StreamingEngine(sounds=(silence, hum))):
        job = await ended(services, ann, job_id)
        assert (job.live.attempt, job.live.interruption) == (2, TOO_POOR)
        samples, _ = soundfile.read(io.BytesIO(await heard(services, job.live, "wav")))
    assert np.abs(samples).max() > 0.1


class TestPoorTakes:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, low_quality_below=100)

    async def test_who_heard_a_take_that_is_not_kept_is_told(self, services: Services, ann: Identity) -> None:
        job_id = await submit(services, ann)
        async with working(services, StreamingEngine(sounds=(hum, silence))):
            job = await ended(services, ann, job_id)
        assert job.sound is not None
        assert 0 < job.sound.quality_score < 100
        # Three takes, the first of which is kept.
        assert (job.live.attempt, job.live.interruption) == (4, EARLIER_IS_BETTER)


async def test_a_second_attempt_begins_again_and_says_why(services: Services, ann: Identity) -> None:
    failures = [EngineOutOfMemory()]

    def between(index: int) -> None:
        if index == 3 and failures:
            raise failures.pop()

    job_id = await submit(services, ann)
    await want(services, ann, job_id)
    async with working(services, StreamingEngine(between)):
        job = await ended(services, ann, job_id)
        assert (job.status, job.live.attempt) == ("completed", 2)
        assert job.live.interruption == "GPU memory exhausted"
        samples, _ = soundfile.read(io.BytesIO(await heard(services, job.live, "wav")))
        assert len(samples) == 2 * RATE


async def test_a_storage_that_is_away_delays_pieces_and_loses_none(
    services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = services.listening.store
    real, failures = store.put, [StorageAway("gone"), OSError("no space")]

    async def away(key: str, name: str, data: bytes) -> None:
        if failures:
            raise failures.pop()
        await real(key, name, data)

    monkeypatch.setattr(store, "put", away)
    job_id = await submit(services, ann)
    await want(services, ann, job_id)
    async with working(services, StreamingEngine()):
        job = await ended(services, ann, job_id)
        samples, _ = soundfile.read(io.BytesIO(await heard(services, job.live, "wav")))
    assert not failures
    assert len(samples) == 2 * RATE


async def test_what_cannot_be_encoded_fails_no_job_and_is_reported_once(
    services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_take: LiveTake, _format: StreamFormat) -> None:
        raise RuntimeError("no encoder")

    monkeypatch.setattr(LiveTake, "next_piece", broken)
    job_id = await submit(services, ann)
    await want(services, ann, job_id)
    async with working(services, StreamingEngine()):
        assert (await ended(services, ann, job_id)).status == "completed"
    assert [record.message for record in caplog.records].count("a sound cannot be streamed") == 1


async def test_a_database_that_is_away_does_not_fail_a_job_for_its_listeners(
    services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, failures = services.listening.runs, [DatabaseAway("gone")]
    real = runs.discard_take

    async def away(claim: Claim, reason: str) -> int:
        if failures:
            raise failures.pop()
        return await real(claim, reason)

    monkeypatch.setattr(runs, "discard_take", away)
    job_id = await submit(services, ann)
    async with working(services, StreamingEngine(sounds=(silence, hum))):
        job = await ended(services, ann, job_id)
    assert (job.status, job.live.attempt, job.retry_count) == ("completed", 2, 0)


async def test_an_engine_that_hands_over_no_chunks_is_heard_at_its_end(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    await want(services, ann, job_id, "ogg")
    async with working(services, ScriptedEngine(hum)):
        job = await ended(services, ann, job_id)
        assert (await heard(services, job.live, "ogg")).startswith(b"OggS")
