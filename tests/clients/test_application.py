"""The client against the application itself, with a worker by hand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from soundloom_client import (
    AsyncSoundloom,
    AuthenticationRequired,
    InvalidRequest,
    JobCancelled,
    JobFailed,
    NotFound,
    Surroundings,
)
from tests.api.client import Hand, User
from tests.api.conftest import MakeUser
from webapp.http.problem_codes import MEANINGS

Connected = Callable[..., AsyncSoundloom]


@pytest.fixture
async def http(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app))) as client:
        yield client


@pytest.fixture
def connected(http: httpx.AsyncClient, ann: User, hand: Hand) -> Connected:
    """Makes clients: while they wait, the worker makes the next sound."""

    async def make(_seconds: float) -> None:
        await hand.complete(await hand.claim())

    def connected(token: str = ann.token, **options: Any) -> AsyncSoundloom:
        return AsyncSoundloom("http://localhost", token, http=http, **{"sleep": make, **options})

    return connected


async def test_a_whole_run(connected: Connected, tmp_path: Path) -> None:
    sound = await connected().run("rain", duration=9, seed=7)
    assert (sound.job.status, sound.job.prompt, sound.job.seed) == ("completed", "rain", 7)
    assert sound.files.keys() == {"wav", "flac", "ogg", "mp3"}
    assert await sound.file().read() == b"sound.wav" * 100
    assert await sound.spectrogram.read() == b"spectrogram.png" * 100
    saved = await sound.file("mp3").save(tmp_path / "rain.mp3")
    assert saved.read_bytes() == b"sound.mp3" * 100


async def test_events_until_the_end(connected: Connected, hand: Hand) -> None:
    job = await connected().submit("rain")

    async def follow() -> list[str]:
        return [state.status async for state in job.events()]

    following = asyncio.create_task(follow())
    await hand.complete(await hand.claim())
    assert (await following)[-1] == "completed"


async def test_takes_are_jobs_of_one_request(connected: Connected) -> None:
    jobs = await connected().submit_takes(3, "rain", seed=5)
    assert [(await job.status()).seed for job in jobs] == [5, 6, 7]


async def test_one_key_is_one_job(connected: Connected) -> None:
    client = connected(surroundings=Surroundings(new_key=lambda: "same"))
    first, again = await client.submit("rain"), await client.submit("rain")
    assert first.id == again.id
    with pytest.raises(InvalidRequest) as caught:
        await client.submit("storm")
    assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")


async def test_cancelling_before_and_while_it_is_made(connected: Connected, hand: Hand) -> None:
    client = connected()
    waiting, running = await client.submit("rain"), await client.submit("storm")
    await waiting.cancel()
    await hand.claim()
    await running.cancel()
    for job in (waiting, running):
        with pytest.raises(JobCancelled):
            await job.result()
    with pytest.raises(InvalidRequest) as caught:
        await running.cancel()
    assert caught.value.code == "job_not_queued"


async def test_a_job_that_fails_says_why(connected: Connected, hand: Hand) -> None:
    job = await connected().submit("rain")
    await hand.fail(await hand.claim())
    with pytest.raises(JobFailed, match=r"^GPU memory exhausted$"):
        await job.result()


async def test_a_skip_is_paid(connected: Connected) -> None:
    client = connected()
    await client.submit("stands ahead")
    job = await client.submit("rain", duration=20)
    skip = await job.skip()
    assert (skip.cost, skip.new_balance) == (3, 47)


async def test_errors_say_what_the_server_says(connected: Connected, make_user: MakeUser) -> None:
    client = connected()
    with pytest.raises(InvalidRequest, match=r"^Prompt is required$") as missing:
        await client.submit()
    with pytest.raises(NotFound, match=r"^Job not found$") as unknown:
        await client.job("0" * 12).status()
    with pytest.raises(AuthenticationRequired) as nobody:
        await connected("wrong").submit("rain")
    errors = (missing.value, unknown.value, nobody.value)
    assert [error.status for error in errors] == [400, 404, 401]
    assert {error.code for error in errors} <= MEANINGS.keys()
    assert missing.value.field == "prompt"


async def test_voices_without_a_speech_worker(connected: Connected) -> None:
    assert await connected().voices() == []
