"""Sounds and pictures: ranges and validators as a table, names that are not ours, and misses."""

from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from tests.api.client import Hand, User, assert_problem
from webapp.clock import ManualClock
from webapp.services.container import Services
from webapp.settings import Settings

# As `Hand.complete` writes it.
WAV = b"sound.wav" * 100
SIZE = len(WAV)
OTHER_DATE = "Mon, 01 Jan 2001 00:00:00 GMT"


@pytest.fixture
async def name(ann: User, hand: Hand) -> str:
    """The generation id of a finished sound."""
    job_id = await ann.submit()
    await hand.complete(await hand.claim())
    generation_id: str = (await ann.http.get(f"/job/{job_id}")).json()["generation_id"]
    return generation_id


class TestWhole:
    async def test_each_file_has_its_type(self, anybody: httpx.AsyncClient, name: str) -> None:
        for path, stored, media_type in (
            (f"/audio/{name}.wav", "sound.wav", "audio/wav"),
            (f"/audio/{name}.flac", "sound.flac", "audio/flac"),
            (f"/audio/{name}.ogg", "sound.ogg", "audio/ogg"),
            (f"/audio/{name}.mp3", "sound.mp3", "audio/mpeg"),
            (f"/spectrogram/{name}.png", "spectrogram.png", "image/png"),
        ):
            answer = await anybody.get(path)
            assert (answer.status_code, answer.content) == (200, stored.encode() * 100)
            assert answer.headers["content-type"] == media_type
            assert answer.headers["content-length"] == str(len(answer.content))
            assert answer.headers["accept-ranges"] == "bytes"
            assert answer.headers["etag"].startswith('"')
            assert answer.headers["last-modified"].endswith("GMT")
            assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["ratelimit"] == '"misses";r=300;t=0'

    async def test_files_have_tags_of_their_own(self, anybody: httpx.AsyncClient, name: str) -> None:
        paths = [f"/audio/{name}.{kind}" for kind in ("wav", "flac")] + [f"/spectrogram/{name}.png"]
        tags = {(await anybody.get(path)).headers["etag"] for path in paths}
        assert len(tags) == 3

    async def test_head_tells_all_but_the_bytes(self, anybody: httpx.AsyncClient, name: str) -> None:
        path = f"/audio/{name}.wav"
        whole, head = await anybody.get(path), await anybody.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for header in ("content-type", "content-length", "etag", "last-modified", "accept-ranges"):
            assert head.headers[header] == whole.headers[header]
        # Ranges are defined for GET alone.
        part = await anybody.head(path, headers={"range": "bytes=0-9"})
        assert (part.status_code, part.headers["content-length"]) == (200, str(SIZE))
        assert "content-range" not in part.headers

    @pytest.mark.both_databases
    async def test_a_deleted_file_is_not_found(
        self, anybody: httpx.AsyncClient, name: str, services: Services
    ) -> None:
        rows = await services.database.fetch("SELECT storage_key FROM sound")
        await services.storage.delete(rows[0]["storage_key"])
        assert_problem(await anybody.get(f"/audio/{name}.wav"), 404, "Audio not found")
        assert_problem(await anybody.get(f"/spectrogram/{name}.png"), 404, "Spectrogram not found")


async def test_a_part(anybody: httpx.AsyncClient, name: str) -> None:
    for header, first, last in (
        ("bytes=0-9", 0, 9),
        ("bytes=890-", 890, 899),
        ("bytes=-10", 890, 899),
        ("bytes=0-", 0, 899),
        ("bytes=899-5000", 899, 899),
        ("bytes=-5000", 0, 899),
    ):
        answer = await anybody.get(f"/audio/{name}.wav", headers={"range": header})
        assert (answer.status_code, answer.content) == (206, WAV[first : last + 1]), header
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
        assert answer.headers["content-length"] == str(last - first + 1)
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.headers["etag"]


async def test_conditions_as_a_table(anybody: httpx.AsyncClient, name: str) -> None:
    path = f"/audio/{name}.wav"
    whole = await anybody.get(path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    part = {"range": "bytes=0-9"}
    table: list[tuple[dict[str, str], int]] = [
        ({"range": "bytes=0-1,4-5"}, 200),
        ({"range": "items=0-5"}, 200),
        ({"range": "bytes=9-0"}, 200),
        ({"range": "nonsense"}, 200),
        ({**part, "if-range": tag}, 206),
        ({**part, "if-range": date}, 206),
        ({**part, "if-range": f"W/{tag}"}, 200),
        ({**part, "if-range": '"another"'}, 200),
        ({**part, "if-range": OTHER_DATE}, 200),
        ({"if-range": tag}, 200),
        ({"if-none-match": tag}, 304),
        ({"if-none-match": f"W/{tag}"}, 304),
        ({"if-none-match": f'"a", {tag}, "b"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-match": tag}, 200),
        ({"if-match": f'"a,b", {tag}'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": tag, "if-none-match": tag}, 304),
        ({"if-match": tag, "if-unmodified-since": OTHER_DATE}, 200),
        ({"if-unmodified-since": date}, 200),
        ({"if-unmodified-since": "nonsense"}, 200),
        ({**part, "if-match": tag}, 206),
        ({"if-none-match": '"another"'}, 200),
        ({"if-none-match": tag, **part}, 304),
        ({"if-none-match": '"another"', **part}, 206),
        ({"if-none-match": '"another"', "if-modified-since": date}, 200),
        ({"if-modified-since": date}, 304),
        ({"if-modified-since": formatdate(4e9, usegmt=True)}, 304),
        ({"if-modified-since": OTHER_DATE}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-modified-since": "Mon, 01 Jan 2024 00:00:00 +999999999999"}, 200),
        ({"if-modified-since": "Mon, 01 Jan 0001 00:00:00 -0000"}, 200),
        ({"range": "bytes=900-", "if-none-match": tag}, 304),
        ({"range": "bytes=900-", "if-range": '"another"'}, 200),
    ]
    for headers, status in table:
        answer = await anybody.get(path, headers=headers)
        assert answer.status_code == status, headers
        assert answer.content == {200: WAV, 206: WAV[:10], 304: b""}[status], headers
        assert answer.headers["etag"] == tag
        assert ("content-range" in answer.headers) == (status == 206)
        assert ("content-length" in answer.headers) == (status != 304)


async def test_what_is_meant_for_another_version_fails(anybody: httpx.AsyncClient, name: str) -> None:
    tag = (await anybody.get(f"/audio/{name}.wav")).headers["etag"]
    part = {"range": "bytes=0-9"}
    for headers in (
        {"if-match": '"another"'},
        {"if-match": f"W/{tag}"},
        {"if-match": "nonsense"},
        {"if-match": '"another"', "if-none-match": tag},
        {"if-match": '"another"', "if-unmodified-since": formatdate(4e9, usegmt=True)},
        {"if-unmodified-since": OTHER_DATE},
        {"if-unmodified-since": OTHER_DATE, "if-none-match": tag},
        {**part, "if-match": '"another"'},
        {**part, "if-unmodified-since": OTHER_DATE, "if-range": tag},
        {"range": "bytes=5000-", "if-match": '"another"'},
    ):
        for path in (f"/audio/{name}.wav", f"/spectrogram/{name}.png"):
            answer = await anybody.get(path, headers=headers)
            assert_problem(answer, 412, "The file is not the version that was asked for")
            assert answer.json()["title"] == "Precondition Failed"
            head = await anybody.head(path, headers=headers)
            assert (head.status_code, head.content) == (412, b"")


async def test_a_range_outside(anybody: httpx.AsyncClient, name: str) -> None:
    for header in ("bytes=900-", "bytes=5000-6000", "bytes=-0", "bytes=99999999999999999999-"):
        answer = await anybody.get(f"/audio/{name}.wav", headers={"range": header})
        assert_problem(answer, 416, "The range lies outside the file")
        assert answer.headers["content-range"] == f"bytes */{SIZE}"
        assert answer.headers["content-length"] == str(len(answer.content))
        assert "etag" not in answer.headers


NOT_OURS = (
    "../soundloom.sqlite", "..%2fsoundloom.sqlite", "%2e%2e%2fsoundloom.sqlite", "..%5csoundloom.sqlite",
    "%00", "{name}.wav%00", "{name}.wav%00.png", "{name}%00.wav", "{name}", "{name}.", "{name}.WAV",
    "{name}.exe", "{name}.wav.", "{name}.wav%20", "%20{name}.wav", "{name}.wav%0a",
    "{name}.wav/", "//{name}.wav", "%2f{name}.wav/", "%2e/{name}.wav", "%61{name}.wav",
    "{upper}.wav", "{name}0.wav", "{short}.wav", "00000000000000000000.wav", "%2f{name}.wav",
    "{name}%2ewav%2f..", "C:{name}.wav", "{name}.wav;x", "sound.wav", "*", ".", "%c0%af", "%c3%a9.wav",
    "x" * 3000,
)  # fmt: skip


async def test_names_that_are_not_ours(anybody: httpx.AsyncClient, name: str) -> None:
    for template in NOT_OURS:
        file_name = template.format(name=name, upper=f"A{name[1:]}", short=name[:-1])
        for folder in ("audio", "spectrogram"):
            for method in ("GET", "HEAD"):
                request = anybody.build_request(method, "/")
                request.url = request.url.copy_with(raw_path=f"/{folder}/{file_name}".encode())
                answer = await anybody.send(request)
                assert answer.status_code == 404, (method, folder, file_name)
                assert answer.headers["content-type"] == "application/problem+json"
                assert b"SQLite" not in answer.content


async def test_the_jobs_id_is_no_name(anybody: httpx.AsyncClient, ann: User, name: str) -> None:
    queue = (await ann.http.get("/api/jobs")).json()["jobs"]
    assert_problem(await anybody.get(f"/audio/{queue[0]['job_id']}.wav"), 404, "Audio not found")


class TestGuessing:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(
            data_dir=str(tmp_path), disk_reserve_mb=0, misses_per_address=3, wrong_tokens_per_address=3,
            trusted_proxies="127.0.0.1",
        )  # fmt: skip

    @pytest.mark.both_databases
    async def test_missing_files_are_counted_by_address(
        self, anybody: httpx.AsyncClient, name: str, clock: ManualClock
    ) -> None:
        missing = f"/audio/{'0' * 20}.wav"
        for left, path in zip((2, 1, 0), (missing, "/spectrogram/x", "/audio/x"), strict=True):
            answer = await anybody.get(path)
            assert answer.status_code == 404
            assert answer.headers["ratelimit-policy"] == '"misses";q=3;w=900'
            assert answer.headers["ratelimit"] == f'"misses";r={left};t=900'
        answer = await anybody.get(missing)
        assert_problem(answer, 429, "Rate limit exceeded")
        assert answer.headers["retry-after"] == "900"
        assert answer.headers["ratelimit"] == '"misses";r=0;t=900'
        found = await anybody.get(f"/audio/{name}.wav")
        assert (found.status_code, found.headers["ratelimit"]) == (200, '"misses";r=0;t=900')
        elsewhere = await anybody.get(missing, headers={"x-forwarded-for": "203.0.113.5"})
        assert elsewhere.status_code == 404
        clock.advance_s(900)
        assert (await anybody.get(missing)).status_code == 404

    async def test_wrong_tokens_are_counted_by_address(
        self, anybody: httpx.AsyncClient, ann: User, services: Services
    ) -> None:
        for _ in range(5):
            assert_problem(await anybody.get("/api/me"), 401, "Authentication required")
        wrong = {"authorization": f"Bearer {ann.token}x"}
        for left in (2, 1, 0):
            answer = await anybody.get("/api/me", headers=wrong)
            assert_problem(answer, 401, "Authentication required")
            assert answer.headers["ratelimit"] == f'"wrong-tokens";r={left};t=900'
        for path in ("/api/me", "/job/000000000000", "/api/jobs"):
            answer = await anybody.get(path, headers=wrong)
            assert_problem(answer, 429, "Rate limit exceeded")
            assert answer.headers["retry-after"] == "900"
        counted = await services.database.fetch("SELECT COUNT(*) AS n FROM throttle_hit")
        assert counted[0]["n"] == 3
        assert (await ann.http.get("/api/me")).status_code == 200
        await ann.submit()
