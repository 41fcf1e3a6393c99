"""Sounds that are sent in: every kind is taken, kept for a day, and within limits that hold under race."""

import asyncio
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tests.api.client import User
from tests.api.conftest import MakeUser
from tests.library.sent_sounds import every_kind, wav
from webapp.clock import ManualClock
from webapp.errors import LimitReached, NotFound, Unavailable
from webapp.policy.library.sound_sources import SoundSource
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.sources.upload_decoder import DecodedUpload, UploadDecoder
from webapp.settings import Settings
from webapp.tables import LooseFiles, Upload

DAY_S = 24 * 3_600


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """The usual settings, with the changes that a test is parametrized with."""
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, **getattr(request, "param", {}))


async def decode_instantly(_: UploadDecoder, source: Path, target: Path) -> DecodedUpload:
    """In place of the decoder process, where what is decoded does not matter."""
    await asyncio.to_thread(source.rename, target)
    return DecodedUpload("wav", 2.0, 48_000, 1)


async def take_in(services: Services, user: Identity, data: bytes = b"sound") -> str:
    async with services.library.uploads.arriving(user) as arrival:
        arrival.path.write_bytes(data)
        return (await services.library.uploads.accept(arrival)).upload_id


@pytest.fixture
def instant(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setattr(UploadDecoder, "decode", decode_instantly)
    return services


def form(data: bytes, name: str = "file") -> dict[str, tuple[str, bytes]]:
    return {name: ("recording", data)}


@pytest.mark.parametrize("name", sorted(every_kind(0.1)))
async def test_every_kind_is_taken(name: str, ann: User) -> None:
    kind, data = every_kind()[name]
    answer = await ann.http.post("/api/uploads", content=data, headers={"content-type": "text/plain"})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["kind"] == kind
    assert body["duration"] == pytest.approx(1.0, abs=0.05)


async def test_a_form_and_a_raw_body_are_the_same(ann: User, clock: ManualClock, services: Services) -> None:
    data = wav()
    by_form = await ann.http.post("/api/uploads", files=form(data))
    raw = await ann.http.post("/api/uploads", content=data)
    assert (by_form.status_code, raw.status_code) == (201, 201)
    assert by_form.json()["expires"] == raw.json()["expires"]
    assert set(raw.json()) == {"upload_id", "duration", "expires", "kind"}
    assert '"uploads";r=58' in raw.headers["ratelimit"]
    async with services.library.sources.opened(SoundSource("upload", raw.json()["upload_id"])) as path:
        assert path.read_bytes().startswith(b"fLaC")


async def test_another_form_is_refused(ann: User) -> None:
    answer = await ann.http.post("/api/uploads", files=form(wav(), "sound"))
    assert (answer.status_code, answer.json()["error"]) == (400, "The form has no field `file`")
    twice = [("file", ("a", wav())), ("file", ("b", wav()))]
    answer = await ann.http.post("/api/uploads", files=twice)
    assert (answer.status_code, answer.json()["error"]) == (400, "The form has several fields `file`")
    head = {"content-type": "multipart/form-data; boundary=x"}
    answer = await ann.http.post("/api/uploads", content=b"--x\r\nrubbish", headers=head)
    assert (answer.status_code, answer.json()["error"]) == (400, "The form is malformed or breaks off")
    answer = await ann.http.post(
        "/api/uploads", content=b"x", headers={"content-type": "multipart/form-data"}
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "The form is malformed or breaks off")


async def test_a_token_is_required(anybody: httpx.AsyncClient) -> None:
    assert (await anybody.post("/api/uploads", content=wav())).status_code == 401


async def test_what_is_refused_leaves_nothing(ann: User, services: Services) -> None:
    answer = await ann.http.post("/api/uploads", content=b"no sound at all")
    assert answer.status_code == 415
    assert await Upload.count() == 0
    assert await LooseFiles.count() == 0
    assert not list(services.settings.data_path.glob("staging/*"))
    # It was counted: reading it cost as much as a good one.
    assert (await services.library.uploads.usage(ann.identity)).remaining == 59


async def test_only_its_account_uses_an_upload(instant: Services, make_user: MakeUser) -> None:
    ann, bob = await make_user("ann"), await make_user("bob")
    upload_id = await take_in(instant, ann.identity)
    source = SoundSource("upload", upload_id)
    await instant.library.sources.require(ann.identity, source)
    with pytest.raises(NotFound):
        await instant.library.sources.require(bob.identity, source)
    with pytest.raises(NotFound):
        await instant.library.uploads.delete(bob.identity, upload_id)


async def test_an_upload_expires_after_a_day(instant: Services, ann: User, clock: ManualClock) -> None:
    upload_id = await take_in(instant, ann.identity)
    source = SoundSource("upload", upload_id)
    clock.advance_s(DAY_S - 1)
    assert await instant.library.uploads.remove_expired() == 0
    await instant.library.sources.require(ann.identity, source)
    clock.advance_s(1)
    with pytest.raises(NotFound):
        await instant.library.sources.require(ann.identity, source)
    assert await instant.library.uploads.remove_expired() == 1
    assert await instant.storage.keys() == set()


async def test_a_waiting_job_keeps_its_upload(instant: Services, ann: User, clock: ManualClock) -> None:
    upload_id = await take_in(instant, ann.identity)
    await ann.submit(melody_from={"upload_id": upload_id})
    clock.advance_s(2 * DAY_S)
    assert await instant.library.uploads.remove_expired() == 0
    async with instant.library.sources.opened(SoundSource("upload", upload_id)) as path:
        assert path.is_file()


async def test_an_upload_can_be_deleted(instant: Services, ann: User) -> None:
    upload_id = await take_in(instant, ann.identity)
    assert (await ann.http.delete(f"/api/uploads/{upload_id}")).status_code == 204
    assert (await ann.http.delete(f"/api/uploads/{upload_id}")).status_code == 404
    assert await instant.storage.keys() == set()


async def test_uploads_go_with_their_account(instant: Services, ann: User) -> None:
    await take_in(instant, ann.identity)
    await instant.accounts.deletion.delete(ann.identity.account_id)
    assert await Upload.count() == 0
    assert await instant.storage.keys() == set()


async def test_an_upload_is_no_stray(instant: Services, ann: User) -> None:
    await take_in(instant, ann.identity)
    assert await instant.library.files.remove_strays() == (0, 0)
    assert len(await instant.storage.keys()) == 1


async def test_an_upload_in_flight_whose_account_goes_leaves_nothing(instant: Services, ann: User) -> None:
    uploads = instant.library.uploads

    async def arrive_too_late() -> None:
        async with uploads.arriving(ann.identity) as arrival:
            arrival.path.write_bytes(b"sound")
            await instant.accounts.deletion.delete(ann.identity.account_id)
            await uploads.accept(arrival)

    with pytest.raises(Unavailable):
        await arrive_too_late()
    assert await instant.storage.keys() == set()


@pytest.mark.parametrize("settings", [{"upload_hourly": 5}], indirect=True)
async def test_the_hourly_limit_holds_under_race(instant: Services, ann: User) -> None:
    outcomes = await asyncio.gather(
        *(take_in(instant, ann.identity) for _ in range(15)), return_exceptions=True
    )
    assert Counter(type(outcome) for outcome in outcomes) == {str: 5, LimitReached: 10}


@pytest.mark.parametrize("settings", [{"uploads_kept": 4}], indirect=True)
async def test_the_limit_on_kept_uploads_holds_under_race(
    instant: Services, ann: User, clock: ManualClock
) -> None:
    outcomes = await asyncio.gather(
        *(take_in(instant, ann.identity) for _ in range(12)), return_exceptions=True
    )
    assert Counter(type(outcome) for outcome in outcomes) == {str: 4, LimitReached: 8}
    answer = await ann.http.post("/api/uploads", content=b"sound")
    assert answer.status_code == 429
    assert answer.json()["error"].startswith("As many of your uploads are kept as may be")
    assert answer.headers["retry-after"] == str(DAY_S)
    # A refusal for this reason does not count towards the hour.
    assert (await instant.library.uploads.usage(ann.identity)).remaining == 56
    await ann.http.delete(f"/api/uploads/{next(one for one in outcomes if isinstance(one, str))}")
    assert (await ann.http.post("/api/uploads", content=b"sound")).status_code == 201


async def test_what_never_arrives_counts_until_it_expires(
    instant: Services, ann: User, clock: ManualClock
) -> None:
    async with instant.library.uploads.arriving(ann.identity):
        assert await Upload.count() == 1
        clock.advance_s(15 * 60)
        assert await instant.library.uploads.remove_expired() == 1
