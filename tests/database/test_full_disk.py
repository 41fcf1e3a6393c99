"""A full disk: reading goes on, people sign in, and what they delete makes room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.factories import FACTS, MakeAccount, choice
from tests.running import PASSWORD, Installation, installed
from webapp.clock import ManualClock
from webapp.database.reserve import FILE_NAME
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.errors import NotFound, StorageFull
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings

ADDRESS = "192.0.2.1"
WORKER = "w" * 12


@pytest.fixture(params=["sqlite"])
def database_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
    return ""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=str(tmp_path),
        disk_reserve_mb=0,
        queue_limit=10**6,
        creator_at_once=10**6,
        creator_hourly=10**6,
    )


async def _sound(services: Services, identity: Identity) -> str:
    await services.queue.submissions.submit(identity, choice())
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    staged = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF")
    await services.storage.publish(claim.storage_key, staged)
    await services.queue.leases.complete(claim, FACTS)
    return claim.generation_id


async def _fill(services: Services, identity: Identity) -> None:
    """What SQLite does when its file can grow no more, until it has no room at all."""
    engine = services.database.engine
    assert isinstance(engine, PersistentSQLiteEngine)
    await engine.writer.run(lambda raw: raw.execute("PRAGMA max_page_count = 1").close())
    for prompt in ("a long text " * 80, "rain"):
        with pytest.raises(StorageFull):
            await _submit_much(services, identity, prompt)


async def _submit_much(services: Services, identity: Identity, prompt: str) -> None:
    for _ in range(2_000):
        await services.queue.submissions.submit(identity, choice(prompt))


class TestFullDatabase:
    """SQLite's file cannot grow."""

    async def test_signing_in_and_deleting_work(self, services: Services, clock: ManualClock) -> None:
        ann = await services.accounts.registry.register("ann", PASSWORD, address=ADDRESS)
        owner = Identity(ann.account_id, "ann", "creator", is_admin=False)
        token, _ = await services.accounts.tokens.create(owner.account_id)
        session = await services.accounts.sessions.create(owner.account_id)
        sound = await _sound(services, owner)
        await services.database.keep_reserve(is_start=True)
        await _fill(services, owner)
        clock.advance_s(3_600)
        for _ in range(3):
            assert await services.accounts.tokens.identity_for(token)
            assert await services.accounts.sessions.resolve(session)
        for _ in range(20):
            await services.accounts.registry.authenticate("ann", PASSWORD, address=ADDRESS)
            assert await services.accounts.sessions.resolve(
                await services.accounts.sessions.create(owner.account_id)
            )
        with pytest.raises(StorageFull):
            await _submit_much(services, owner, "a long text " * 80)
        await services.library.publishing.delete(owner, sound)
        with pytest.raises(NotFound):
            await services.library.browse.item(owner, sound)
        assert await services.storage.keys() == set()

    async def test_what_was_used_is_put_aside_again(
        self, services: Services, make_account: MakeAccount, tmp_path: Path
    ) -> None:
        ann = await make_account()
        await services.database.keep_reserve()
        await services.database.keep_reserve()
        assert (tmp_path / FILE_NAME).exists()
        kept = "SELECT length(room) AS bytes FROM disk_reserve"
        assert [row["bytes"] for row in await services.database.fetch(kept)] == [1024 * 1024]
        await services.database.use_reserve()
        assert await services.database.fetch(kept) == []
        assert not (tmp_path / FILE_NAME).exists()
        await services.database.keep_reserve()
        assert len(await services.database.fetch(kept)) == 1
        assert (tmp_path / FILE_NAME).exists()
        assert (await services.queue.submissions.submit(ann, choice())).position == 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 40 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill_disk(folder: Path) -> None:
    with (folder / "filler").open("ab", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))
    assert os.statvfs(folder).f_bavail == 0


@pytest.mark.slow
def test_a_server_on_a_full_disk(small_disk: Path) -> None:
    with installed(small_disk / "data", disk_reserve_mb=0, speech_workers=0) as installation:
        token = installation.token()
        first = installation.serve()
        assert (small_disk / "data" / FILE_NAME).exists()
        client = first.client(token)
        sounds = [client.wait_for(client.submit(duration=1), "completed")["generation_id"] for _ in range(2)]
        _fill_disk(small_disk)
        _works(installation, first.url, token)
        _fill_disk(small_disk)
        for sound in sounds:
            deleted = client.http.delete(f"/api/library/{sound}")
            assert deleted.status_code == 204, deleted.text
            assert client.http.get(f"/api/track/{sound}").status_code == 404
        assert os.statvfs(small_disk).f_bavail > 0, "the files are gone"
        _fill_disk(small_disk)
        assert first.terminate() == 0
        second = installation.serve()
        _works(installation, second.url, token)
        assert second.terminate() == 0


@pytest.mark.slow
def test_a_server_starts_when_its_disk_was_filled_while_it_was_down(small_disk: Path) -> None:
    with installed(small_disk / "data", disk_reserve_mb=0, workers=0) as installation:
        token = installation.token()
        assert installation.serve().terminate() == 0
        _fill_disk(small_disk)
        server = installation.serve()
        _works(installation, server.url, token)


def _works(installation: Installation, url: str, token: str) -> None:
    with httpx.Client(base_url=url, timeout=30) as client:
        assert client.get("/readyz").status_code == 200
        for _ in range(3):
            read = client.get("/queue-status", headers={"Authorization": f"Bearer {token}"})
            assert read.status_code == 200
        signed_in = client.post("/api/auth/token", json={"username": "ann", "password": PASSWORD})
        assert signed_in.status_code in {200, 201}, signed_in.text
        bearer = {"Authorization": f"Bearer {signed_in.json()['token']}"}
        assert client.get("/api/my-generations", headers=bearer).status_code == 200
        assert client.get("/audio/" + "0" * 20 + ".wav").status_code == 404
