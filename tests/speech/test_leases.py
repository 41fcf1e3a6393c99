"""What workers do to requests: each is in one hand at a time, and none is lost with a worker."""

import asyncio
from dataclasses import replace

import pytest

from tests.factories import FACTS, MakeAccount
from tests.speech.conftest import WORKER, ScriptedSpeaker, Speaking, a_voice
from webapp.clock import ManualClock
from webapp.engines.speech.engine import SpeechEngine
from webapp.errors import LeaseLost, SpeechFailed, Unavailable
from webapp.events import Event, speech_changed
from webapp.policy.speech import SpeechChoice
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.speech import SpeechClaim, SpokenSound
from webapp.services.speech.leases import LOST_WORKERS_LIMIT

VOICE = "espeak-en-us"
OTHER = "6" * 12


@pytest.fixture
async def ann(services: Services, make_account: MakeAccount) -> Identity:
    """An account, and two speech workers on the register."""
    for worker_id in (WORKER, OTHER):
        await services.workers.registry.register(worker_id, host="here", pid=1, device="cpu", kind="speech")
        await services.models.voices.write(worker_id, [a_voice(VOICE)])
    return await make_account("ann")


async def asked(services: Services, who: Identity, text: str = "hello") -> "asyncio.Task[SpokenSound]":
    """A request that is written down, and waited for in the background."""
    with services.bus.subscribe() as hints:
        task = asyncio.create_task(services.speech.requests.speak(who, SpeechChoice(text)))
        while not any(event.topic == "speech" for event in await hints.wait(60)):
            pass
    return task


async def claimed(services: Services, worker_id: str = WORKER) -> SpeechClaim:
    claim = await services.speech.leases.claim(worker_id, [VOICE])
    assert claim is not None
    return claim


async def test_one_request_is_in_one_hand(services: Services, ann: Identity) -> None:
    task = await asked(services, ann)
    claims = await asyncio.gather(*(services.speech.leases.claim(WORKER, [VOICE]) for _ in range(8)))
    (claim,) = [claim for claim in claims if claim is not None]
    await services.speech.leases.complete(claim, replace(FACTS, duration_s=1.5))
    assert await task == SpokenSound(claim.generation_id, VOICE, 1.5)


async def test_requests_are_taken_in_order_and_by_who_has_the_voice(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    tasks = []
    for text in ("one", "two"):
        tasks.append(await asked(services, ann, text))
        clock.advance_s(0.1)
    assert await services.speech.leases.claim(WORKER, ["espeak-de"]) is None
    assert await services.speech.leases.claim(WORKER, []) is None
    assert [(await claimed(services)).text for _ in range(2)] == ["one", "two"]
    for task in tasks:
        task.cancel()


async def test_nobody_waits_behind_all_texts_of_another(
    services: Services, clock: ManualClock, ann: Identity, make_account: MakeAccount
) -> None:
    bob = await make_account("bob")
    tasks = []
    for who, text in ((ann, "ann 0"), (ann, "ann 1"), (ann, "ann 2"), (bob, "bob 0"), (bob, "bob 1")):
        tasks.append(await asked(services, who, text))
        clock.advance_s(0.1)
    sample = asyncio.create_task(services.speech.requests.sample(VOICE))
    with services.bus.subscribe() as hints:
        await hints.wait(60)
    order = []
    while claim := await services.speech.leases.claim(WORKER, [VOICE]):
        order.append(claim.text if claim.account_id else "sample")
        clock.advance_s(1)
        await services.speech.leases.complete(claim, FACTS)
    assert order == ["ann 0", "bob 0", "sample", "ann 1", "bob 1", "ann 2"]
    await asyncio.gather(*tasks, sample, return_exceptions=True)


async def test_what_is_in_hand_counts_as_served(
    services: Services, clock: ManualClock, ann: Identity, make_account: MakeAccount
) -> None:
    tasks = []
    for who, text in ((ann, "ann 0"), (ann, "ann 1"), (await make_account("bob"), "bob")):
        tasks.append(await asked(services, who, text))
        clock.advance_s(0.1)
    claims = [await claimed(services, worker_id) for worker_id in (WORKER, OTHER)]
    assert [claim.text for claim in claims] == ["ann 0", "bob"]
    for task in tasks:
        task.cancel()


async def test_a_draining_worker_takes_nothing(services: Services, ann: Identity) -> None:
    task = await asked(services, ann)
    await services.workers.control.drain(WORKER, is_draining=True)
    assert await services.speech.leases.claim(WORKER, [VOICE]) is None
    assert await services.speech.leases.claim(OTHER, [VOICE]) is not None
    task.cancel()


async def test_a_lapsed_lease_gives_the_request_to_another(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    task = await asked(services, ann)
    lost = await claimed(services)
    assert await services.speech.leases.take_back_lapsed() == []
    clock.advance_s(services.settings.lease_s + 0.1)
    assert not (await services.speech.leases.keep(WORKER, [lost])).held
    assert await services.speech.leases.take_back_lapsed() == [lost.request_id]
    again = await claimed(services, OTHER)
    assert (again.request_id, again.storage_key) == (lost.request_id, f"{lost.generation_id}-2")
    for late in (services.speech.leases.complete(lost, FACTS), services.speech.leases.fail(lost)):
        with pytest.raises(LeaseLost):
            await late
    assert (await services.speech.leases.keep(OTHER, [again])).held
    await services.speech.leases.complete(again, FACTS)
    assert (await task).generation_id == again.generation_id
    assert len(await services.database.fetch("SELECT * FROM sound")) == 1


async def test_a_text_that_ends_every_worker_fails(services: Services, ann: Identity) -> None:
    task = await asked(services, ann)
    for _ in range(LOST_WORKERS_LIMIT):
        claim = await claimed(services)
        assert await services.speech.leases.take_back_from(WORKER) == [claim.request_id]
    assert await services.speech.leases.claim(WORKER, [VOICE]) is None
    with pytest.raises(SpeechFailed):
        await task
    assert (await services.speech.requests.usage(ann)).remaining == 120


async def test_a_request_that_takes_too_long_is_given_up(
    services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.speech.requests._waiting, "_longest_s", 0.05)  # noqa: SLF001 - shorter than any setting
    task = await asked(services, ann)
    with pytest.raises(Unavailable):
        await task
    assert await services.speech.leases.claim(WORKER, [VOICE]) is None
    assert (await services.speech.requests.usage(ann)).remaining == 120


async def test_a_server_that_stops_answers_who_waits(
    services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.services.speech.waiting.LAST_S", 0.05)
    tasks = [await asked(services, ann, text) for text in ("one", "two")]
    services.speech.requests.stop()
    for task in (*tasks, await asked(services, ann, "three")):
        with pytest.raises(Unavailable, match="not available"):
            await task
    # Nobody would hear them later.
    assert await services.speech.leases.claim(WORKER, [VOICE]) is None
    assert (await services.speech.requests.usage(ann)).remaining == 120


async def test_files_of_a_lost_claim_are_swept_and_those_of_others_are_not(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    task = await asked(services, ann)
    lost = await claimed(services)
    await _publish(services, lost.storage_key)
    assert await services.library.files.remove_strays() == (0, 0)
    await services.speech.leases.take_back_from(WORKER)
    again = await claimed(services)
    await _publish(services, again.storage_key)
    await services.speech.leases.complete(again, FACTS)
    await _publish(services, f"{'f' * 20}-1")
    await task
    assert await services.library.files.remove_strays() == (1, 1)
    assert set(await services.storage.keys()) == {again.storage_key, f"{'f' * 20}-1"}


async def test_ended_requests_are_forgotten_after_a_day_and_samples_are_not(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    for day in range(2):
        task = await asked(services, ann)
        await services.speech.leases.complete(await claimed(services), FACTS)
        await task
        if day == 0:
            sample = asyncio.create_task(services.speech.requests.sample(VOICE))
            with services.bus.subscribe() as hints:
                await hints.wait(60)
            await services.speech.leases.complete(await claimed(services), FACTS)
            await asyncio.gather(sample, return_exceptions=True)
        clock.advance_s(26 * 3600)
        for worker_id in (WORKER, OTHER):
            await services.speech.leases.keep(worker_id, [])
    rows = await services.database.fetch("SELECT account FROM speech_request ORDER BY created_ms")
    assert [row["account"] for row in rows] == [None, ann.account_id]


async def test_requests_that_ended_before_a_clock_was_set_back_are_forgotten(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    for hours in (-30, 0):
        task = await asked(services, ann)
        await services.speech.leases.complete(await claimed(services), FACTS)
        await task
        clock.advance_s(hours * 3600)
        for worker_id in (WORKER, OTHER):
            await services.speech.leases.keep(worker_id, [])
    rows = await services.database.fetch("SELECT finished_ms FROM speech_request")
    assert [row["finished_ms"] for row in rows] == [clock.now_ms()]


async def test_a_worker_that_stops_finishes_what_is_quick(
    services: Services, ann: Identity, speaking: Speaking
) -> None:
    speaker = ScriptedSpeaker()
    async with speaking(SpeechEngine(services.settings.voices_path, speaker), "7" * 12) as processor:
        task = await asked(services, ann, "good bye")
        processor.stop()
    speaker.close()
    states = await services.database.fetch("SELECT status FROM speech_request")
    if task.done():
        assert states == [{"status": "completed"}]
    else:
        assert states[0]["status"] in ("completed", "queued")
        task.cancel()
    assert await services.workers.registry.last_heartbeat_ms("7" * 12) is None


async def test_voices_are_those_of_workers_that_live(
    services: Services, clock: ManualClock, ann: Identity
) -> None:
    await services.models.voices.write(OTHER, [a_voice(VOICE), a_voice("ann-low")])
    assert [voice.id for voice in await services.speech.requests.voices()] == [VOICE, "ann-low"]
    first = await services.speech.requests.voices()
    assert await services.speech.requests.voices() is first
    clock.advance_s(4)
    await services.speech.leases.keep(WORKER, [])
    clock.advance_s(4)
    assert [voice.id for voice in await services.speech.requests.voices()] == [VOICE]
    clock.advance_s(4)
    assert await services.speech.requests.voices() == ()


async def test_workers_that_speak_start_no_jobs(services: Services, ann: Identity) -> None:
    assert await services.workers.registry.on_duty() == []
    assert [worker.worker_id for worker in await services.workers.registry.alive()] == [WORKER, OTHER]
    assert speech_changed("x") != Event("job", "x")


async def _publish(services: Services, key: str) -> None:
    staged = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF")
    await services.storage.publish(key, staged)
