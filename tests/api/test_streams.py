"""Streams of jobs as browsers follow them, and when they end."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx
import pytest
from litestar import Litestar

from tests.api.client import Connection, Hand, User, assert_problem
from tests.api.conftest import Connect, MakeUser
from webapp.clock import ManualClock
from webapp.events import Event, LocalBus, access_changed
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.http.streams.welcome import Welcome
from webapp.services.container import Services

SAME = {"sec-fetch-site": "same-origin"}
OTHERS = (
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "http://elsewhere.example"},
)


def event_ids(text: str) -> list[str]:
    return [line.removeprefix("id: ") for line in text.split("\n") if line.startswith("id: ")]


async def test_who_has_seen_the_end_is_told_to_stop(ann: User, hand: Hand) -> None:
    path = f"/job/{await ann.submit()}/events"
    await hand.complete(await hand.claim())
    seen = await ann.http.get(path)
    (last,) = event_ids(seen.text)
    again = await ann.http.get(path, headers={"last-event-id": last})
    assert (again.status_code, again.content) == (204, b"")
    # Who saw something else, or nothing, is told the end.
    for headers in ({}, {"last-event-id": "x"}):
        assert event_ids((await ann.http.get(path, headers=headers)).text) == [last]


async def test_a_job_that_goes_on_is_followed_whatever_was_seen(
    ann: User, hand: Hand, connect: Connect
) -> None:
    path = f"/job/{await ann.submit()}/events"
    claim = await hand.claim()
    connection = connect(path, ann)
    async for _ in connection.events():
        break
    await hand.complete(claim)
    await connection.ended()
    assert connection.status == 200


class TestSession:
    """An EventSource cannot send a token, so a page of ours follows a job with its session."""

    @pytest.fixture
    async def secret(self, services: Services, ann: User) -> str:
        return await services.accounts.sessions.create(ann.identity.account_id)

    async def test_a_page_follows_its_job(
        self, ann: User, hand: Hand, anybody: httpx.AsyncClient, secret: str
    ) -> None:
        path = f"/job/{await ann.submit()}/events"
        await hand.complete(await hand.claim())
        anybody.cookies.set(PLAIN_COOKIE, secret)
        for headers in (SAME, {}):
            assert '"status":"completed"' in (await anybody.get(path, headers=headers)).text
        for headers in OTHERS:
            assert_problem(await anybody.get(path, headers=headers), 401, "Authentication required")
        # The session stands for a token here and nowhere else.
        for other in (path.removesuffix("/events"), "/api/jobs", "/api/me"):
            assert_problem(await anybody.get(other, headers=SAME), 401, "Authentication required")

    async def test_a_wrong_token_is_not_made_good_by_a_session(
        self, ann: User, anybody: httpx.AsyncClient, secret: str
    ) -> None:
        path = f"/job/{await ann.submit()}/events"
        anybody.cookies.set(PLAIN_COOKIE, secret)
        answer = await anybody.get(path, headers={**SAME, "authorization": "Bearer wrong"})
        assert_problem(answer, 401, "Authentication required")

    async def test_only_ones_own(
        self, ann: User, make_user: MakeUser, anybody: httpx.AsyncClient, secret: str
    ) -> None:
        bob = await make_user("bob")
        anybody.cookies.set(PLAIN_COOKIE, secret)
        answer = await anybody.get(f"/job/{await bob.submit()}/events", headers=SAME)
        assert_problem(answer, 403, "Not authorized to view this job")


async def _revoke_token(services: Services, ann: User, secret: str) -> None:
    (token,) = await services.accounts.tokens.list(ann.identity.account_id)
    await services.accounts.tokens.revoke(ann.identity.account_id, token.token_id)


async def _sign_out(services: Services, ann: User, secret: str) -> None:
    await services.accounts.sessions.end(secret)


async def _end_others(services: Services, ann: User, secret: str) -> None:
    await services.accounts.sessions.revoke_others(ann.identity.account_id, None)


async def _disable(services: Services, ann: User, secret: str) -> None:
    await services.accounts.registry.disable(ann.identity.account_id)


async def _delete(services: Services, ann: User, secret: str) -> None:
    await services.accounts.deletion.delete(ann.identity.account_id)


Ending = Callable[[Services, User, str], Awaitable[None]]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("ending", "is_session"),
    [
        (_revoke_token, False), (_disable, False), (_delete, False),
        (_sign_out, True), (_end_others, True), (_disable, True), (_delete, True),
    ],
)  # fmt: skip
async def test_streams_end_with_what_opened_them(
    app: Litestar, services: Services, ann: User, ending: Ending, is_session: bool
) -> None:
    secret = await services.accounts.sessions.create(ann.identity.account_id)
    job_id = await ann.submit()
    paths = [f"/job/{job_id}/events"]
    headers = {"authorization": f"Bearer {ann.token}"}
    if is_session:
        paths += ["/events?view=generate", "/events?view=library", "/events?view=queue"]
        headers = {"cookie": f"{PLAIN_COOKIE}={secret}", **SAME}
    streams = [Connection(app, path, headers) for path in paths]
    for stream in streams:
        await stream.started()
        assert stream.status == 200
    await ending(services, ann, secret)
    for stream in streams:
        await stream.ended()


async def test_a_held_request_is_let_go_when_its_token_is_revoked(services: Services, ann: User) -> None:
    held = asyncio.create_task(
        ann.http.post("/generate", json={"prompt": "rain"}, headers={"prefer": "wait=60"})
    )
    with services.bus.subscribe() as hints:
        while not (await services.queue.reader.snapshot()).jobs:
            await hints.wait(1)
    await _revoke_token(services, ann, "")
    async with asyncio.timeout(10):
        answer = await held
    assert (answer.status_code, answer.json()["status"]) == (201, "queued")
    assert "preference-applied" not in answer.headers


class TestWelcome:
    async def test_a_hint_is_enough(self, clock: ManualClock) -> None:
        bus, answers = LocalBus(clock), [True, True, False]

        async def holds() -> bool:
            return answers.pop(0)

        waiting = asyncio.create_task(Welcome(bus, 7, holds, poll_s=3600).until_over())
        await asyncio.sleep(0)
        for event in (access_changed(8), Event("queue")):
            bus.publish(event)
            await asyncio.sleep(0)
        assert len(answers) == 2
        while answers:
            bus.publish(access_changed(7))
            await asyncio.sleep(0.001)
        async with asyncio.timeout(5):
            await waiting
        assert bus.listener_count == 0

    async def test_without_a_hint_it_looks_by_itself(self, clock: ManualClock) -> None:
        answers = [True, True, False]

        async def holds() -> bool:
            return answers.pop(0)

        async with asyncio.timeout(5):
            await Welcome(LocalBus(clock), 7, holds, poll_s=0.001).until_over()
        assert answers == []
