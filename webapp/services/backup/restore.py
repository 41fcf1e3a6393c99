"""Restores of backups: all of a backup or nothing."""

import asyncio
import itertools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from piccolo.apps.migrations.tables import Migration
from piccolo.columns import Serial
from piccolo.table import Table

from webapp.database.link import no_time_limit
from webapp.errors import Conflict, InvalidRequest
from webapp.policy.library.missing_files import Missing, missing_words
from webapp.services.backup import queries
from webapp.services.backup.facade import BackupServices
from webapp.services.backup.layout import (
    FILES,
    SOUNDS,
    TABLES,
    FileEntry,
    Manifest,
    TableEntry,
    backed_up_tables,
    columns_of,
    digest_of,
    read_files,
    read_manifest,
)
from webapp.storage.names import FILE_NAMES, KEY
from webapp.tables import Account, Invitation, Job, SetupLink, Sound, Worker

ROWS_AT_ONCE: Final = 1_000
PUBLISHED_AT_ONCE: Final = 8
WORKER_SEEN_MS: Final = 15_000
# Triggers keep these counts, and count again as votes are inserted.
COUNTED_AGAIN: Final = {"library_item": {"upvotes": 0, "downvotes": 0}}


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore.

    `gone` counts the sounds that were deleted while the backup was taken; `missing` names the files that it
    lacks.
    """

    sounds: int
    rows: int
    created_at: str
    gone: int
    missing: Missing


async def restore(
    data: BackupServices, folder: Path, *, replace: bool = False, allow_missing: bool = False
) -> Restored:
    """Restore a backup into this data folder and database, which nobody else may be using.

    Everything is checked before anything is changed, and the rows change in one transaction. Raises
    InvalidRequest for what is no sound backup, or lacks files that it may not, and Conflict where there is
    something already, unless it is to be replaced, and while a worker is running.
    """
    manifest = await asyncio.to_thread(read_manifest, folder)
    missing = {key.partition("-")[0]: names for key, names in manifest.missing.items()}
    if missing and not allow_missing:
        raise InvalidRequest(
            f"The backup is not complete: {missing_words(missing)};"
            " add --allow-missing to restore it all the same"
        )
    await _require_empty(data, manifest, replace=replace)
    entries = await asyncio.to_thread(_checked, folder, manifest)
    before = set(await data.storage.keys())
    groups = {key: list(files) for key, files in itertools.groupby(entries, key=lambda entry: entry.key)}
    # What is there already under its key is the same, unless some of it is lost.
    wanted = {key: [file.name for file in groups[key] if file.size] for key in groups.keys() & before}
    broken = await data.storage.missing(wanted)
    for key in broken:
        await data.storage.delete(key)
    new = {key: files for key, files in groups.items() if key not in before or key in broken}
    try:
        await _publish_all(data, folder, new)
        await _replace_rows(data, folder, manifest)
    except BaseException:
        for key in new:
            await data.storage.delete(key)
        raise
    for key in before - groups.keys():
        await data.storage.delete(key)
    rows = sum(table.rows for table in manifest.tables)
    return Restored(len(groups), rows, manifest.created_at, len(manifest.gone), missing)


async def _replace_rows(data: BackupServices, folder: Path, manifest: Manifest) -> None:
    with no_time_limit():
        await _replace_all(data, folder, manifest)


async def _replace_all(data: BackupServices, folder: Path, manifest: Manifest) -> None:
    async with data.database.transaction():
        await _empty()
        for entry in manifest.tables:
            await _fill(data, folder, entry)
        for key in manifest.gone:
            await Sound.delete().where(Sound.storage_key == key)
        await _renumber(data)


async def _require_empty(data: BackupServices, manifest: Manifest, *, replace: bool) -> None:
    migrations = await Migration.get_migrations_which_ran(app_name="soundloom")
    if sorted(migrations) != manifest.migrations:
        raise InvalidRequest(
            f"The backup was made by {manifest.software} with another layout of the database;"
            " restore it with that version, then start this one on it"
        )
    seen_ms = data.clock.now_ms() - WORKER_SEEN_MS
    latest_ms = data.clock.now_ms() + WORKER_SEEN_MS
    if await Worker.exists().where(Worker.heartbeat_ms > seen_ms, Worker.heartbeat_ms < latest_ms):
        raise Conflict("A worker is running on this database; stop it first")
    if replace:
        return
    tables: tuple[type[Table], ...] = (Account, Job, Sound)
    for table in tables:
        if await table.exists():
            raise Conflict("There are accounts or sounds here already; add --replace to lose them")
    if await data.storage.keys():
        raise Conflict("There are files of sounds here already; add --replace to lose them")


def _checked(folder: Path, manifest: Manifest) -> list[FileEntry]:
    """Check every file of the backup against the manifest. Raises InvalidRequest."""
    known = {table._meta.tablename: columns_of(table) for table in backed_up_tables()}
    if {table.name: table.columns for table in manifest.tables} != known:
        raise InvalidRequest("The backup's tables are not those of this version")
    digests = {folder / TABLES / f"{table.name}.jsonl": table.sha256 for table in manifest.tables}
    for path, digest in {folder / FILES: manifest.files_sha256, **digests}.items():
        _require_digest(path, digest)
    entries = list(read_files(folder))
    for entry in entries:
        if not KEY.fullmatch(entry.key) or entry.name not in FILE_NAMES:
            raise InvalidRequest(f"The backup has a file that is no sound's: {entry.key}/{entry.name}")
        _require_digest(folder / SOUNDS / entry.key / entry.name, entry.sha256)
    _require_whole(folder, manifest, entries)
    return entries


def _require_whole(folder: Path, manifest: Manifest, entries: Sequence[FileEntry]) -> None:
    """Raise InvalidRequest for sounds without their files, unless the manifest tells of it."""
    there = {(entry.key, entry.name) for entry in entries}
    left_out = set(manifest.gone)
    (table,) = (table for table in manifest.tables if table.name == "sound")
    column = [name for name, _ in table.columns].index("storage_key")
    lacking: dict[str, list[str]] = {}
    for row in _rows(folder / TABLES / "sound.jsonl", [kind for _, kind in table.columns], {}):
        key = row[column]
        told = manifest.missing.get(key, ())
        names = [name for name in FILE_NAMES if (key, name) not in there and name not in told]
        if names and key not in left_out:
            lacking[key.partition("-")[0]] = names
    if lacking:
        raise InvalidRequest(f"The backup is not whole: {missing_words(lacking)}")


def _require_digest(path: Path, digest: str) -> None:
    if not path.is_file() or digest_of(path) != digest:
        raise InvalidRequest(f"The backup is damaged: {path} is missing or not what it was")


async def _publish_all(data: BackupServices, folder: Path, groups: Mapping[str, Sequence[FileEntry]]) -> None:
    """Publish groups of files, some at once. None is on its way any more when this returns or raises."""
    left, has_failed = iter(groups.items()), asyncio.Event()

    async def publish_some() -> None:
        for key, files in left:
            if has_failed.is_set():
                return
            try:
                await _publish(data, folder, key, files)
            except BaseException:
                has_failed.set()
                raise

    outcomes = await asyncio.gather(
        *(publish_some() for _ in range(PUBLISHED_AT_ONCE)), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _publish(data: BackupServices, folder: Path, key: str, files: Sequence[FileEntry]) -> None:
    staged = data.storage.staging_folder()
    try:
        await asyncio.to_thread(_copy_files, folder / SOUNDS / key, [entry.name for entry in files], staged)
        await data.storage.publish(key, staged)
    finally:
        await data.storage.discard(staged)


def _copy_files(source: Path, names: Sequence[str], target: Path) -> None:
    for name in names:
        shutil.copyfile(source / name, target / name)


async def _empty() -> None:
    tables: list[type[Table]] = [*backed_up_tables(), Worker, SetupLink, Invitation]
    for table in reversed(tables):
        await table.delete(force=True)


async def _fill(data: BackupServices, folder: Path, entry: TableEntry) -> None:
    names = [name for name, _ in entry.columns]
    fixed = {names.index(name): value for name, value in COUNTED_AGAIN.get(entry.name, {}).items()}
    rows = _rows(folder / TABLES / f"{entry.name}.jsonl", [kind for _, kind in entry.columns], fixed)
    while batch := await asyncio.to_thread(lambda: list(itertools.islice(rows, ROWS_AT_ONCE))):
        await queries.insert_rows(data.database, entry.name, names, batch)


def _rows(path: Path, kinds: list[str], fixed: dict[int, int]) -> Iterator[list[Any]]:
    reals = [number for number, kind in enumerate(kinds) if kind == "float"]
    with path.open("rb") as lines:
        for line in lines:
            values: list[Any] = msgspec.json.decode(line)
            for number in reals:
                values[number] = None if values[number] is None else float(values[number])
            for number, value in fixed.items():
                values[number] = value
            yield values


async def _renumber(data: BackupServices) -> None:
    """Have PostgreSQL number new rows from the highest id of each table on; SQLite does so by itself."""
    if data.database.dialect != "postgres":
        return
    for table in backed_up_tables():
        if isinstance(table._meta.primary_key, Serial):
            await queries.restart_sequence(data.database, table._meta.tablename)
