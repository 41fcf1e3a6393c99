"""`Prefer: wait`, and what is told of a job and of the queue as they change."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from tests.api.client import Connection, Hand, User, assert_problem, until
from tests.api.conftest import Connect, MakeUser
from tests.factories import report_progress
from webapp.api.queue.feed import QueueFeed
from webapp.api.queue.preferences import preferred_wait_s
from webapp.events import Event, LocalBus
from webapp.http.dependencies import Streams
from webapp.services.container import Services
from webapp.services.queue.snapshot import QueueReader
from webapp.services.queue.views import QueueSnapshot
from webapp.settings import Settings

PER_ACCOUNT = Settings().connections_per_account
PER_ADDRESS = Settings().connections_per_address


@pytest.fixture
def streams(app: Litestar) -> Streams:
    """What the application counts and ends its open connections with."""
    streams: Streams = app.state.streams
    return streams


class CountingReader:
    """A reader of the queue that counts its readings."""

    def __init__(self, queue: QueueReader) -> None:
        self._queue = queue
        self.readings = 0

    async def snapshot(self) -> QueueSnapshot:
        snapshot = await self._queue.snapshot()
        self.readings += 1
        return snapshot


def _listeners(services: Services) -> int:
    assert isinstance(services.bus, LocalBus)
    return services.bus.listener_count


async def _held(streams: Streams, services: Services, count: int) -> None:
    """Wait until so many connections are held, each listening to its job and to its account's rights."""
    await until(lambda: (streams.caps.open_count, _listeners(services)) == (count, 2 * count))


async def _next(events: AsyncIterator[str]) -> dict[str, Any]:
    async with asyncio.timeout(10):
        told: dict[str, Any] = json.loads(await anext(events))
    return told


def _waiting(user: User, preference: str = "wait=60", **more: str) -> "asyncio.Task[httpx.Response]":
    headers = {"prefer": preference, **more}
    return asyncio.create_task(user.http.post("/generate", json={"prompt": "rain"}, headers=headers))


@pytest.mark.parametrize(
    ("values", "wait_s"),
    [
        ([], None),
        (["wait=10"], 10),
        (["WAIT = 10"], 10),
        (['wait="10"'], 10),
        (["respond-async, wait=10"], 10),
        (["wait=10; x=y"], 10),
        (["return=minimal", "wait=7"], 7),
        (["wait=7, wait=9"], 7),
        (["wait=1"], 1),
        (["wait=45"], 45),
        (["wait=46"], 45),
        (["wait=60"], 45),
        (["wait=61"], 45),
        (["wait=999999999"], 45),
        (["wait=9999999999"], None),
        (["wait=0"], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["wait=x"], None),
        (["wait"], None),
        (["await=10"], None),
        (["wait=١"], None),
        ([",,;"], None),
    ],
)
def test_what_is_preferred(values: list[str], wait_s: int | None) -> None:
    assert preferred_wait_s(values) == wait_s


class TestPrefer:
    async def test_the_answer_comes_with_the_end(
        self, ann: User, hand: Hand, services: Services, streams: Streams
    ) -> None:
        waiting = _waiting(ann)
        await _held(streams, services, 1)
        claim = await hand.claim()
        await report_progress(services, claim, 50)
        assert not waiting.done()
        await hand.complete(claim)
        answer = await waiting
        job = (await ann.http.get(f"/job/{claim.job_id}")).json()
        assert answer.status_code == 201
        assert answer.headers["preference-applied"] == "wait=45"
        assert answer.headers["location"] == f"/job/{claim.job_id}"
        assert answer.headers["ratelimit"].startswith('"hour";r=59;')
        assert answer.json() == {**job, "position": 1, "message": "Job queued at position 1"}
        assert job["status"] == "completed"
        await _held(streams, services, 0)

    async def test_a_failure_ends_it_too(
        self, ann: User, hand: Hand, services: Services, streams: Streams
    ) -> None:
        waiting = _waiting(ann)
        await _held(streams, services, 1)
        await hand.fail(await hand.claim())
        answer = await waiting
        assert (answer.status_code, answer.json()["status"]) == (201, "failed")
        assert answer.json()["error"] == "GPU memory exhausted"

    async def test_time_ends_it(self, ann: User, services: Services, streams: Streams) -> None:
        answer = await _waiting(ann, "wait=1")
        assert answer.headers["preference-applied"] == "wait=1"
        job = (await ann.http.get(answer.headers["location"])).json()
        assert answer.json() == {**job, "message": "Job queued at position 1"}
        assert job["status"] == "queued"
        await _held(streams, services, 0)

    @pytest.mark.both_databases
    async def test_the_servers_stop_ends_it(self, ann: User, services: Services, streams: Streams) -> None:
        waiting = _waiting(ann)
        await _held(streams, services, 1)
        streams.stop.set()
        answer = await waiting
        assert (answer.status_code, answer.json()["status"]) == (201, "queued")

    async def test_a_client_that_leaves_leaves_nothing_behind(
        self, app: Litestar, ann: User, services: Services, streams: Streams
    ) -> None:
        left = asyncio.Event()
        body = [{"type": "http.request", "body": b'{"prompt": "rain"}', "more_body": False}]
        headers = {
            "authorization": f"Bearer {ann.token}", "prefer": "wait=60", "content-type": "application/json",
            "content-length": "18",
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            if body:
                return body.pop()
            await left.wait()
            return {"type": "http.disconnect"}

        connection = Connection(app, "/generate", headers, method="POST", receive=receive)
        await _held(streams, services, 1)
        left.set()
        await connection.ended()
        await _held(streams, services, 0)
        assert (await ann.http.get("/queue-status")).json()["queue_length"] == 1

    async def test_no_more_are_held_than_may_be(
        self, ann: User, services: Services, streams: Streams, hand: Hand
    ) -> None:
        held = [await streams.caps.hold(ann.identity.account_id, "192.0.2.1") for _ in range(PER_ACCOUNT)]
        answer = await _waiting(ann)
        assert (answer.status_code, answer.json()["message"]) == (201, "Job queued at position 1")
        assert "preference-applied" not in answer.headers
        held[0]()
        waiting = _waiting(ann)
        await until(lambda: _listeners(services) == 2)
        await hand.complete(await hand.claim())
        assert not waiting.done()
        await hand.complete(await hand.claim())
        assert (await waiting).json()["status"] == "completed"

    @pytest.mark.both_databases
    async def test_a_repetition_waits_for_the_same_job(
        self, ann: User, hand: Hand, services: Services, streams: Streams
    ) -> None:
        first, again = (_waiting(ann, **{"idempotency-key": "k"}) for _ in range(2))
        await _held(streams, services, 2)
        await hand.complete(await hand.claim())
        assert (await first).json() == (await again).json()

    async def test_what_is_refused_is_refused_at_once(self, ann: User) -> None:
        answer = await ann.http.post("/generate", json={}, headers={"prefer": "wait=60"})
        assert_problem(answer, 400, "Prompt is required", "prompt")


class TestJobEvents:
    async def test_each_change_until_the_end(
        self, ann: User, hand: Hand, connect: Connect, services: Services, streams: Streams
    ) -> None:
        job_id = await ann.submit()
        connection = connect(f"/job/{job_id}/events", ann)
        events = connection.events()
        assert (await _next(events))["status"] == "queued"
        assert (connection.status, connection.headers["content-type"]) == (
            200,
            "text/event-stream; charset=utf-8",
        )
        claim = await hand.claim()
        assert (await _next(events))["status"] == "processing"
        await report_progress(services, claim, 45)
        assert (await _next(events))["progress"] == "Generating audio... 45%"
        await hand.complete(claim)
        final = await _next(events)
        assert final == (await ann.http.get(f"/job/{job_id}")).json()
        assert final["status"] == "completed"
        assert [event async for event in events] == []
        await connection.ended()
        await _held(streams, services, 0)

    @pytest.mark.both_databases
    async def test_one_that_has_ended_is_told_once(self, ann: User, connect: Connect) -> None:
        job_id = await ann.submit()
        await ann.http.post(f"/api/queue/{job_id}/cancel")
        connection = connect(f"/job/{job_id}/events", ann)
        assert [json.loads(event)["status"] async for event in connection.events()] == ["cancelled"]

    async def test_moves_of_others_are_told_to_a_waiting_job(
        self, ann: User, make_user: MakeUser, connect: Connect
    ) -> None:
        bob = await make_user("bob", tier="free")
        job_id = await bob.submit()
        connection = connect(f"/job/{job_id}/events", bob)
        events = connection.events()
        assert (await _next(events))["position"] == 1
        await ann.submit()
        assert (await _next(events))["position"] == 2
        await connection.leave()

    async def test_a_reader_who_leaves_leaves_nothing_behind(
        self, ann: User, connect: Connect, services: Services, streams: Streams
    ) -> None:
        connection = connect(f"/job/{await ann.submit()}/events", ann)
        await _next(connection.events())
        await _held(streams, services, 1)
        await connection.leave()
        await _held(streams, services, 0)

    async def test_no_more_than_may_be(self, ann: User, connect: Connect, streams: Streams) -> None:
        path = f"/job/{await ann.submit()}/events"
        open_ones = [connect(path, ann) for _ in range(PER_ACCOUNT)]
        for connection in open_ones:
            await connection.started()
        answer = await ann.http.get(path)
        assert_problem(answer, 429, "Too many open connections")
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["ratelimit"] == '"connections-of-account";r=0;t=5'
        assert answer.headers["ratelimit-policy"] == (
            f'"connections-of-account";q={PER_ACCOUNT};qu="concurrent-requests"'
        )
        await open_ones[0].leave()
        replacement = connect(path, ann)
        await replacement.started()
        assert replacement.status == 200
        streams.stop.set()
        for connection in (*open_ones, replacement):
            await connection.ended()
        assert streams.caps.open_count == 0


class TestQueueEvents:
    async def test_the_present_state_and_then_each_change(
        self, ann: User, hand: Hand, connect: Connect, services: Services, streams: Streams
    ) -> None:
        connection = connect("/api/queue/events")
        events = connection.events()
        assert await _next(events) == {"jobs": [], "current_job": None, "total": 0, "paused": False}
        job_id = await ann.submit()
        told = await _next(events)
        assert told == (await ann.http.get("/api/queue")).json()
        assert [job["status"] for job in told["jobs"]] == ["queued"]
        claim = await hand.claim()
        assert (await _next(events))["current_job"] == job_id
        await report_progress(services, claim, 45)
        assert (await _next(events))["jobs"][0]["progress_pct"] == 45
        await hand.complete(claim)
        assert (await _next(events))["total"] == 0
        await connection.leave()
        await _held(streams, services, 0)

    async def test_a_burst_is_one_event(self, make_user: MakeUser, connect: Connect) -> None:
        bob = await make_user("bob")
        connection = connect("/api/queue/events")
        events = connection.events()
        await _next(events)
        await asyncio.gather(*(bob.submit() for _ in range(5)))
        totals = [(await _next(events))["total"]]
        while totals[-1] < 5:
            totals.append((await _next(events))["total"])
        assert len(totals) <= 3
        await connection.leave()

    async def test_hints_without_a_change_are_no_events(self, ann: User, services: Services) -> None:
        queue = CountingReader(services.queue.reader)
        feed = QueueFeed(cast("QueueReader", queue), services.bus, interval_s=0)
        events = feed.events()
        assert json.loads((await anext(events)).data)["total"] == 0
        upcoming = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        services.bus.publish(Event("queue"), Event("status"))
        await until(lambda: queue.readings == 2)
        await ann.submit()
        assert json.loads((await upcoming).data)["total"] == 1
        await events.aclose()

    async def test_every_reader_is_told(self, ann: User, connect: Connect, services: Services) -> None:
        readers = [connect("/api/queue/events") for _ in range(20)]
        feeds = [reader.events() for reader in readers]
        for feed in feeds:
            await _next(feed)
        await ann.submit()
        assert {(await _next(feed))["total"] for feed in feeds} == {1}
        for reader in readers:
            await reader.leave()
        assert _listeners(services) == 0

    async def test_no_more_than_may_be(
        self, anybody: httpx.AsyncClient, connect: Connect, streams: Streams
    ) -> None:
        readers = [connect("/api/queue/events") for _ in range(PER_ADDRESS)]
        for reader in readers:
            await reader.started()
        assert readers[0].headers["ratelimit"] == f'"connections-of-address";r={PER_ADDRESS - 1}'
        assert_problem(await anybody.get("/api/queue/events"), 429, "Too many open connections")
        streams.stop.set()
        for reader in readers:
            await reader.ended()
        assert streams.caps.open_count == 0
