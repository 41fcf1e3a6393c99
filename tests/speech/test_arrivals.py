"""Speech workers that are on their way: waited for, within the time that a request has."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from tests.api.client import User, assert_problem
from tests.speech.conftest import WORKER, Speaking, a_voice
from webapp.events import LocalBus
from webapp.services.container import Services

AWAY = "Speech is not available right now; please try again in a moment"


async def _say(user: User) -> httpx.Response:
    return await user.http.post("/api/tts/generate", json={"text": "hello"})


async def _tts(anybody: httpx.AsyncClient) -> str:
    state: str = (await anybody.get("/status")).json()["models"]["tts"]
    return state


async def _until(look: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100_000):
        if await look():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


async def test_a_worker_that_is_being_started_is_waited_for(
    ann: User, anybody: httpx.AsyncClient, services: Services, speaking: Speaking
) -> None:
    services.workers.arrivals.expect("speech")
    assert await _tts(anybody) == "loading"
    spoken, sample = (
        asyncio.create_task(_say(ann)),
        asyncio.create_task(anybody.get("/api/tts/sample/espeak-de")),
    )
    await _until(lambda: _is_waiting(services, 2))
    async with speaking():
        assert (await spoken).status_code == 201
        assert (await sample).status_code == 200
        assert await _tts(anybody) == "ready"


async def _is_waiting(services: Services, listeners: int) -> bool:
    assert isinstance(services.bus, LocalBus)
    return services.bus.listener_count >= listeners


async def test_a_worker_on_the_register_that_still_starts_is_waited_for(
    ann: User, anybody: httpx.AsyncClient, services: Services
) -> None:
    await services.workers.registry.register(WORKER, host="far away", pid=1, device="cpu", kind="speech")
    assert await _tts(anybody) == "loading"
    spoken = asyncio.create_task(_say(ann))
    await _until(lambda: _is_waiting(services, 1))
    # It comes up without a voice: nobody can be waited for any more.
    await services.workers.registry.record_report(WORKER, "idle", {})
    assert_problem(await spoken, 503, AWAY)
    assert await _tts(anybody) == "unavailable"


async def test_one_that_is_given_up_is_not_waited_for(ann: User, services: Services) -> None:
    services.workers.arrivals.expect("speech")
    spoken = asyncio.create_task(_say(ann))
    await _until(lambda: _is_waiting(services, 1))
    services.workers.arrivals.give_up("speech")
    assert_problem(await spoken, 503, AWAY)


async def test_a_server_that_stops_does_not_wait_on(ann: User, services: Services) -> None:
    services.workers.arrivals.expect("speech")
    spoken = asyncio.create_task(_say(ann))
    await _until(lambda: _is_waiting(services, 1))
    services.speech.requests.stop()
    async with asyncio.timeout(10):
        assert_problem(await spoken, 503, AWAY)


async def test_models_of_a_worker_that_starts_are_loading(
    anybody: httpx.AsyncClient, services: Services
) -> None:
    services.workers.arrivals.expect("sound")
    models = (await anybody.get("/status")).json()["models"]
    assert models == {"music": "loading", "audio": "loading", "magnet": "loading", "tts": "unavailable"}
    await services.workers.registry.register("a" * 12, host="here", pid=1, device="cpu")
    assert (await anybody.get("/status")).json()["models"]["music"] == "loading"
    entry = {
        "state": "unloaded", "engine": "e", "label": "l", "checkpoint": "", "license": "", "max_duration_s": 9
    }  # fmt: skip
    await services.workers.registry.record_report("a" * 12, "idle", {"models": {"music": entry}})
    models = (await anybody.get("/status")).json()["models"]
    assert (models["music"], models["audio"]) == ("unloaded", "unavailable")


async def test_a_voice_that_is_there_is_not_held_up_by_one_that_comes(
    services: Services, ann: User, answered: None
) -> None:
    services.workers.arrivals.expect("speech")
    await services.models.voices.write(WORKER, [a_voice("espeak-en-us")])
    assert (await _say(ann)).status_code == 201
