"""Whatever is sent in, the answer is a clear refusal; the server and its memory do not suffer from it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.api.client import User
from tests.library.hostile_files import hostile_files
from tests.library.sent_sounds import tone, wav, written
from webapp.errors import InvalidRequest
from webapp.http.requests import uploads as request_uploads
from webapp.policy.library.uploads import MAX_UPLOAD_BYTES, TOO_COSTLY
from webapp.services.container import Services
from webapp.services.sources.upload_decoder import UploadDecoder
from webapp.settings import Settings
from webapp.tables import Upload

AT_ONCE = 8
# A decoder with its libraries takes some 60 MB, and holds a file of up to 50 MB at most twice.
MOST_DECODER_BYTES = 250_000_000
MOST_GROWTH_BYTES = 100_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, upload_hourly=10_000)


def decoders() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "webapp.audio.intake.process" in child.cmdline():
                found.append(child)
    return found


async def largest_decoder_bytes() -> int:
    """Watch the decoder processes until it is cancelled; return the most memory that one of them had."""
    largest = 0
    try:
        while True:
            for decoder in decoders():
                with suppress(psutil.Error):
                    largest = max(largest, decoder.memory_info().rss)
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        return largest


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_hostile_files_are_refused_and_cost_nothing(ann: User, services: Services) -> None:
    files = list(hostile_files())
    assert len({name for name, _ in files}) == len(files) >= 300
    free = asyncio.Semaphore(AT_ONCE)
    before = psutil.Process().memory_info().rss

    async def send(name: str, data: bytes) -> tuple[str, int, str]:
        async with free:
            answer = await ann.http.post("/api/uploads", content=data)
        return name, answer.status_code, answer.json().get("error", "")

    watching = asyncio.create_task(largest_decoder_bytes())
    outcomes = await asyncio.gather(*(send(name, data) for name, data in files))
    watching.cancel()
    wrong = [outcome for outcome in outcomes if outcome[1] not in (400, 415) or not outcome[2]]
    assert wrong == []
    assert len({error for _, _, error in outcomes}) >= 12
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES
    assert 0 < await watching < MOST_DECODER_BYTES
    assert decoders() == []
    assert await Upload.count() == 0
    assert await services.storage.keys() == set()
    assert (await ann.http.post("/api/uploads", content=wav())).status_code == 201


async def test_a_body_that_is_announced_as_too_large_is_not_read(ann: User) -> None:
    head = {"content-length": str(MAX_UPLOAD_BYTES + 1)}
    answer = await ann.http.post("/api/uploads", content=b"", headers=head)
    assert (answer.status_code, answer.json()["error"]) == (413, "The file is larger than 50 MB")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("is_form", [False, True])
async def test_a_body_that_grows_too_large_is_cut_short(
    ann: User, services: Services, *, is_form: bool
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        if is_form:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        while True:
            sent += 1 << 20
            yield bytes(1 << 20)

    head = {"content-type": "multipart/form-data; boundary=x" if is_form else "audio/wav"}
    answer = await ann.http.post("/api/uploads", content=endless(), headers=head)
    assert (answer.status_code, answer.json()["error"]) == (413, "The file is larger than 50 MB")
    assert sent < MAX_UPLOAD_BYTES + (8 << 20)
    assert not list(services.settings.data_path.glob("staging/*"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_largest_sound_that_is_allowed_is_taken(ann: User) -> None:
    data = written(tone(512.0, channels=1), "WAV")
    assert MAX_UPLOAD_BYTES - 1_000_000 < len(data) <= MAX_UPLOAD_BYTES
    assert (await ann.http.post("/api/uploads", files={"file": ("a.wav", data)})).status_code == 201


async def test_a_body_that_stops_arriving_is_given_up(
    ann: User, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_uploads, "SILENCE_S", 0.01)

    async def silent() -> AsyncIterator[bytes]:
        yield b"RIFF"
        await asyncio.Event().wait()

    answer = await ann.http.post("/api/uploads", content=silent())
    assert (answer.status_code, answer.json()["error"]) == (408, "The upload took too long to arrive")


async def test_an_encoded_body_is_refused(ann: User) -> None:
    answer = await ann.http.post("/api/uploads", content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415


TELLS_NO_SECRETS = """
import json, os
if not any("SOUNDLOOM" in name for name in os.environ):
    print(json.dumps({"refusal": "damaged", "kind": "", "detail": ""}))
"""
SLEEPS = "import time; time.sleep(60)"
EATS_MEMORY = (
    "from webapp.audio.intake import process; process.limit(); kept = bytearray(2 << 30); print(len(kept))"
)
CRASHES = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
WORKS_FOR_EVER = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass"


@pytest.mark.parametrize("code", [SLEEPS, CRASHES, WORKS_FOR_EVER])
async def test_a_decoder_that_misbehaves_costs_only_its_file(code: str, tmp_path: Path) -> None:
    (tmp_path / "a.in").write_bytes(wav())
    limit_s = 0.2 if code == SLEEPS else 30.0
    decoder = UploadDecoder((sys.executable, "-c", code), limit_s=limit_s)
    with pytest.raises(InvalidRequest) as refused:
        await decoder.decode(tmp_path / "a.in", tmp_path / "a.flac")
    assert (refused.value.message == TOO_COSTLY) == (code != CRASHES)
    assert not [child for child in psutil.Process().children() if code in child.cmdline()]


async def test_a_decoder_cannot_take_more_memory_than_it_may(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", EATS_MEMORY, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"MemoryError" in errors


async def test_a_decoder_knows_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUNDLOOM_SECRET_KEY", "secret")
    code = TELLS_NO_SECRETS
    (tmp_path / "a.in").write_bytes(wav())
    with pytest.raises(InvalidRequest):
        await UploadDecoder((sys.executable, "-c", code)).decode(tmp_path / "a.in", tmp_path / "a.flac")
    assert os.environ["SOUNDLOOM_SECRET_KEY"] == "secret"
