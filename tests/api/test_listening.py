"""`GET /job/{id}/stream`: a sound that is heard while it is made."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.api.client import Connection, Hand, User, assert_problem, until
from tests.api.conftest import Connect, MakeUser
from tests.api.live import live_server
from webapp.clock import ManualClock
from webapp.errors import StorageAway
from webapp.events import Event
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.policy.queue.live_sound import MEDIA_TYPES, Piece, StreamFormat, piece_name
from webapp.services.container import Services
from webapp.services.listening import leftovers
from webapp.services.queue.leases import Claim
from webapp.settings import Settings


class Studio:
    """The worker's side of a stream, by hand."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def put(
        self, claim: Claim, index: int, data: bytes, *, takes: int = 0, last: bool = False,
        stream_format: StreamFormat = "mp3",
    ) -> None:  # fmt: skip
        store = self._services.listening.store
        name = piece_name(takes, stream_format, index)
        await store.put(claim.storage_key, name, Piece(data, last).packed())
        self._services.bus.publish(Event("job", claim.job_id))


@pytest.fixture
def studio(services: Services) -> Studio:
    return Studio(services)


async def listening(connect: Connect, user: User, job_id: str, query: str = "") -> Connection:
    connection = connect(f"/job/{job_id}/stream{query}", user)
    async with asyncio.timeout(10):
        await connection.started()
    return connection


async def test_a_waiting_job_is_waited_for_and_heard_to_its_end(
    ann: User, hand: Hand, studio: Studio, connect: Connect
) -> None:
    job_id = await ann.submit()
    early = await listening(connect, ann, job_id)
    assert (early.status, early.headers["content-type"]) == (200, "audio/mpeg")
    assert "content-length" not in early.headers
    assert "accept-ranges" not in early.headers
    claim = await hand.claim()
    await studio.put(claim, 0, b"one ")
    assert await early.chunk() == b"one "
    await studio.put(claim, 1, b"two ")
    late = await listening(connect, ann, job_id)
    assert [await late.chunk(), await late.chunk()] == [b"one ", b"two "]
    await studio.put(claim, 2, b"end", last=True)
    assert [await early.chunk(), await early.chunk()] == [b"two ", b"end"]
    assert not early.is_whole
    await hand.complete(claim)
    assert (await early.rest(), await late.rest()) == (b"", b"end")
    for connection in (early, late):
        await connection.ended()
        assert connection.is_whole
        assert not connection.is_cut


@pytest.mark.parametrize("stream_format", list(MEDIA_TYPES))
async def test_each_format_has_pieces_of_its_own(
    stream_format: StreamFormat, ann: User, hand: Hand, studio: Studio, connect: Connect, services: Services
) -> None:
    job_id = await ann.submit()
    claim = await hand.claim()
    connection = await listening(connect, ann, job_id, f"?format={stream_format}")
    assert connection.headers["content-type"] == MEDIA_TYPES[stream_format]
    job = await services.queue.jobs.get(ann.identity, job_id)
    assert job.live.is_wanted_in(stream_format)
    await studio.put(claim, 0, b"piece", stream_format=stream_format)
    assert await connection.chunk() == b"piece"
    await connection.leave()
    # Who leaves does not stop the job.
    await hand.complete(claim)


async def test_who_comes_after_the_end_gets_the_finished_sound(ann: User, hand: Hand) -> None:
    job_id = await ann.submit()
    await hand.complete(await hand.claim())
    answer = await ann.http.get(f"/job/{job_id}/stream?format=ogg")
    assert answer.content == b"sound.ogg" * 100
    part = await ann.http.get(f"/job/{job_id}/stream", headers={"range": "bytes=0-4"})
    assert (part.status_code, part.content) == (206, b"sound")


async def test_who_heard_nothing_gets_the_finished_sound_on_the_same_connection(
    ann: User, hand: Hand, connect: Connect
) -> None:
    job_id = await ann.submit()
    connection = await listening(connect, ann, job_id)
    await hand.complete(await hand.claim())
    assert await connection.rest() == b"sound.mp3" * 100
    await connection.ended()
    assert connection.is_whole


async def test_a_failure_cuts_the_connection_and_the_job_says_why(
    ann: User, hand: Hand, studio: Studio, connect: Connect, services: Services
) -> None:
    job_id = await ann.submit()
    claim = await hand.claim()
    connection = await listening(connect, ann, job_id)
    await studio.put(claim, 0, b"first try")
    assert await connection.chunk() == b"first try"
    assert await services.queue.leases.fail(claim, "GPU memory exhausted")
    await connection.ended()
    assert connection.is_cut
    assert not connection.is_whole
    body = (await ann.http.get(f"/job/{job_id}")).json()
    assert (body["status"], body["attempt"]) == ("queued", 1)
    assert body["interruption"] == "GPU memory exhausted"

    again = await listening(connect, ann, job_id)
    claim = await hand.claim()
    assert (await ann.http.get(f"/job/{job_id}")).json()["attempt"] == 2
    await studio.put(claim, 0, b"second try", last=True)
    await hand.complete(claim)
    assert await again.rest() == b"second try"


async def test_a_job_that_fails_for_good_cuts_everybody_and_has_no_sound(
    ann: User, hand: Hand, connect: Connect
) -> None:
    job_id = await ann.submit()
    connection = await listening(connect, ann, job_id)
    await hand.fail(await hand.claim())
    await connection.ended()
    assert connection.is_cut
    assert_problem(await ann.http.get(f"/job/{job_id}/stream"), 404, "This job has no sound")


async def test_a_discarded_take_counts_as_a_new_attempt(
    ann: User, hand: Hand, studio: Studio, connect: Connect, services: Services
) -> None:
    job_id = await ann.submit()
    claim = await hand.claim()
    connection = await listening(connect, ann, job_id)
    await studio.put(claim, 0, b"poor")
    assert await connection.chunk() == b"poor"
    assert await services.listening.runs.discard_take(claim, "Not good enough") == 1
    await connection.ended()
    assert connection.is_cut
    body = (await ann.http.get(f"/job/{job_id}")).json()
    assert (body["status"], body["attempt"], body["interruption"]) == ("processing", 2, "Not good enough")
    again = await listening(connect, ann, job_id)
    await studio.put(claim, 0, b"better", takes=1, last=True)
    await hand.complete(claim)
    assert await again.rest() == b"better"


async def test_a_sound_whose_last_pieces_are_missing_is_cut(
    ann: User, hand: Hand, studio: Studio, connect: Connect
) -> None:
    job_id = await ann.submit()
    claim = await hand.claim()
    connection = await listening(connect, ann, job_id)
    await studio.put(claim, 0, b"half")
    assert await connection.chunk() == b"half"
    await hand.complete(claim)
    await connection.ended()
    assert connection.is_cut


async def test_owners_and_admins_listen_and_nobody_else(
    ann: User, anybody: httpx.AsyncClient, make_user: MakeUser, hand: Hand, connect: Connect
) -> None:
    job_id = await ann.submit()
    path = f"/job/{job_id}/stream"
    bob, root = await make_user("bob"), await make_user("root", is_admin=True)
    assert_problem(await bob.http.get(path), 403, "Not authorized to view this job")
    assert_problem(await anybody.get(path), 401, "Authentication required")
    assert_problem(await ann.http.get("/job/0123456789ab/stream"), 404, "Job not found")
    refused = await ann.http.get(f"{path}?format=aiff")
    assert_problem(refused, 400, "The format must be one of mp3, wav, ogg, flac", "format")
    assert refused.headers["ratelimit"]
    await hand.complete(await hand.claim())
    assert (await root.http.get(path)).status_code == 200


async def test_a_page_of_ours_listens_with_its_session(
    services: Services, ann: User, anybody: httpx.AsyncClient, hand: Hand
) -> None:
    job_id = await ann.submit()
    await hand.complete(await hand.claim())
    secret = await services.accounts.sessions.create(ann.identity.account_id)
    cookie = {"cookie": f"{PLAIN_COOKIE}={secret}"}
    path = f"/job/{job_id}/stream"
    assert (await anybody.get(path, headers={**cookie, "sec-fetch-site": "same-origin"})).status_code == 200
    assert (await anybody.get(path, headers={**cookie, "sec-fetch-site": "cross-site"})).status_code == 401


async def test_a_revoked_token_cuts_the_connection(
    services: Services, ann: User, hand: Hand, connect: Connect
) -> None:
    connection = await listening(connect, ann, await ann.submit())
    tokens = services.accounts.tokens
    (token,) = await tokens.list(ann.identity.account_id)
    await tokens.revoke(ann.identity.account_id, token.token_id)
    await connection.ended()
    assert connection.is_cut


async def test_a_storage_that_comes_back_is_read_on(
    services: Services,
    ann: User,
    hand: Hand,
    studio: Studio,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = services.listening.store
    real, failures = store.get, [StorageAway("gone"), StorageAway("gone")]

    async def away(key: str, name: str) -> bytes | None:
        if failures:
            raise failures.pop()
        return await real(key, name)

    monkeypatch.setattr(store, "get", away)
    job_id = await ann.submit()
    claim = await hand.claim()
    connection = await listening(connect, ann, job_id)
    await until(lambda: len(failures) < 2)
    await studio.put(claim, 0, b"here", last=True)
    services.bus.publish(Event("job", job_id))
    assert await connection.chunk() == b"here"
    await connection.leave()


class TestCap:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, sound_streams_per_account=2)

    async def test_streams_of_sound_have_a_cap_of_their_own(self, ann: User, connect: Connect) -> None:
        job_id = await ann.submit()
        open_ones = [await listening(connect, ann, job_id) for _ in range(2)]
        assert '"sound-streams-of-account";r=0' in open_ones[1].headers["ratelimit"]
        refused = await ann.http.get(f"/job/{job_id}/stream")
        assert_problem(refused, 429, "Too many open sound streams")
        assert refused.headers["retry-after"]
        await open_ones[0].leave()
        third = await listening(connect, ann, job_id)
        assert third.status == 200
        # Pages and event streams are counted apart.
        events = connect(f"/job/{job_id}/events", ann)
        await events.started()
        assert events.status == 200
        for connection in (open_ones[1], third, events):
            await connection.leave()


async def test_many_listeners_share_each_reading(
    services: Services,
    ann: User,
    hand: Hand,
    studio: Studio,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_id = await ann.submit()
    claim = await hand.claim()
    readers = [await listening(connect, ann, job_id) for _ in range(20)]
    store = services.listening.store
    real, reads = store.get, list[str]()

    async def counted(key: str, name: str) -> bytes | None:
        piece = await real(key, name)
        if piece is not None:
            reads.append(name)
        return piece

    monkeypatch.setattr(store, "get", counted)
    await studio.put(claim, 0, b"piece")
    assert {await reader.chunk() for reader in readers} == {b"piece"}
    assert reads == ["0.mp3.0"]
    for reader in readers:
        await reader.leave()


async def test_pieces_go_when_nobody_can_need_them(
    services: Services, ann: User, hand: Hand, studio: Studio, clock: ManualClock
) -> None:
    store, remove = services.listening.store, services.listening.leftovers.remove
    await ann.submit()
    first = await hand.claim()
    await studio.put(first, 0, b"running")
    assert await remove() == 0
    assert await services.queue.leases.fail(first, "GPU memory exhausted")
    # Nobody can hear an attempt that is over.
    assert await remove() == 1
    second = await hand.claim()
    await studio.put(first, 1, b"by a worker that was away")
    await studio.put(second, 0, b"running")
    assert await remove() == 1
    assert set(await store.keys()) == {second.storage_key}
    await hand.complete(second)
    assert await remove() == 0
    clock.advance_s(leftovers.HEARD_WITHIN_MS / 1000 + 1)
    assert await remove() == 1
    assert set(await store.keys()) == set()


def test_a_cut_is_no_end_on_the_wire(tmp_path: Path, migrated_sqlite_file: Path) -> None:
    (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
    with live_server(tmp_path, "") as server:
        token = {"authorization": f"Bearer {server.token}"}
        jobs = httpx.get(f"{server.url}/api/jobs?status=queued", headers=token).json()["items"]
        job_id = jobs[0]["job_id"]
        with httpx.stream("GET", f"{server.url}/job/{job_id}/stream", headers=token, timeout=10) as answer:
            assert answer.headers["transfer-encoding"] == "chunked"
            cancelled = httpx.post(f"{server.url}/api/queue/{job_id}/cancel", headers=token)
            assert cancelled.status_code == 200
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
                answer.read()
