"""Backups of a running server."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from piccolo.apps.migrations.tables import Migration
from piccolo.table import Table

import webapp
from webapp.database.snapshot import Batch, Snapshot, snapshot
from webapp.errors import Conflict
from webapp.policy.library.missing_files import Missing, missing_words
from webapp.services.backup import queries
from webapp.services.backup.facade import BackupServices
from webapp.services.backup.layout import (
    FILES,
    MANIFEST,
    SOUNDS,
    TABLES,
    FileEntry,
    Manifest,
    TableEntry,
    backed_up_tables,
    columns_of,
    digest_of,
)
from webapp.services.library.queries import owned_keys
from webapp.storage.names import FILE_NAMES
from webapp.tables import Sound

PRIVATE: Final = 0o700
SAMPLE_NAMES: Final = ("sound.wav",)


@dataclass(frozen=True, slots=True)
class BackedUp:
    """The content of a backup, and what it lacks: names of files by the ids of their sounds."""

    sounds: int
    files: int
    bytes_total: int
    rows: int
    missing: Missing


async def back_up(data: BackupServices, folder: Path, *, allow_missing: bool = False) -> BackedUp:
    """Write a backup into a new or empty folder.

    Files of sounds never change, so most are copied before the moment that the tables are of, and only those
    that were made meanwhile after it. A sound that is deleted in between is left out of the restored library.

    Raises Conflict for another folder, and for sounds that have lost files, unless those may be missing; and
    OSError.
    """
    owned = _wanted(await owned_keys(data.database))
    if not allow_missing:
        _refuse(await _lost(await data.storage.missing(owned)))
    await asyncio.to_thread(_make_folder, folder)
    copier = _Copier(data, folder)
    await copier.copy(owned)
    migrations = await Migration.get_migrations_which_ran(app_name="soundloom")
    async with snapshot(data.database) as moment:
        tables = [await _dump(moment, table, folder) for table in backed_up_tables()]
        wanted = {key: names async for key, names in _keys(moment)}
    await copier.copy({key: wanted[key] for key in wanted.keys() - copier.whole})
    missing = await _lost({key: copier.lost[key] for key in wanted.keys() & copier.lost.keys()})
    if not allow_missing:
        _refuse(missing)
    gone = sorted(copier.lost.keys() & wanted.keys() - missing.keys())
    await asyncio.to_thread(copier.forget, copier.entries.keys() - (wanted.keys() - set(gone)))
    entries = [entry for key in sorted(copier.entries) for entry in copier.entries[key]]
    manifest = Manifest(
        software=f"Soundloom {webapp.__version__}",
        created_at=datetime.fromtimestamp(data.clock.now_ms() / 1000, UTC).isoformat(),
        migrations=sorted(migrations),
        tables=tables,
        files=len(entries),
        files_sha256=await asyncio.to_thread(_write_files, folder, entries),
        gone=gone,
        missing={key: list(names) for key, names in missing.items()},
    )
    await asyncio.to_thread(_finish, folder, manifest)
    return BackedUp(
        sounds=sum(bool(files) for files in copier.entries.values()),
        files=len(entries),
        bytes_total=sum(entry.size for entry in entries),
        rows=sum(table.rows for table in tables),
        missing=_by_sound(missing),
    )


def _wanted(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """List the files that belong to each key: all of a sound's, the one of a voice's sample."""
    return {
        row["storage_key"]: FILE_NAMES if row["is_sound"] else SAMPLE_NAMES
        for row in rows
        if row["storage_key"]
    }


async def _lost(missing: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Keep the missing files of sounds that are still there.

    The others were deleted: their rows go before their files. A voice's sample is made again on demand.
    """
    if not missing:
        return {}
    there = set(await Sound.select(Sound.storage_key).output(as_list=True))
    return {key: names for key, names in sorted(missing.items()) if key in there}


def _refuse(missing: Mapping[str, tuple[str, ...]]) -> None:
    if missing:
        raise Conflict(
            f"The backup would not be complete: {missing_words(_by_sound(missing))};"
            " add --allow-missing for a backup without them"
        )


def _by_sound(missing: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {key.partition("-")[0]: names for key, names in missing.items()}


class _Copier:
    """Copies the files of sounds, and keeps account of what it copied."""

    def __init__(self, data: BackupServices, folder: Path) -> None:
        self._storage = data.storage
        self._folder = folder / SOUNDS
        self.entries: dict[str, list[FileEntry]] = {}
        self.lost: dict[str, tuple[str, ...]] = {}

    @property
    def whole(self) -> set[str]:
        """List the keys whose files are all copied."""
        return self.entries.keys() - self.lost.keys()

    async def copy(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Copy files by their keys, and record the missing ones: some or all of a sound that is deleted
        meanwhile.
        """
        for key, files in (await self._storage.copy_out(wanted, self._folder)).items():
            self.entries[key] = [FileEntry(key, file.name, file.size, file.sha256) for file in files]
            self.lost.pop(key, None)
            copied = {file.name for file in files if file.size}
            if lost := tuple(name for name in wanted[key] if name not in copied):
                self.lost[key] = lost

    def forget(self, keys: Iterable[str]) -> None:
        """Remove the copied files of sounds that are not in the snapshot."""
        for key in list(keys):
            self._remove(key)
            del self.entries[key]

    def _remove(self, key: str) -> None:
        for name in FILE_NAMES:
            (self._folder / key / name).unlink(missing_ok=True)
        if (self._folder / key).exists():
            (self._folder / key).rmdir()


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; give the backup a folder of its own")
    for name in (TABLES, SOUNDS):
        (folder / name).mkdir(mode=PRIVATE)


async def _dump(moment: Snapshot, table: type[Table], folder: Path) -> TableEntry:
    """Write one table as lines of JSON, one for each row."""
    name, columns = table._meta.tablename, columns_of(table)
    statement = queries.every_row(table, [column for column, _ in columns])
    path, rows = folder / TABLES / f"{name}.jsonl", 0
    truths = [number for number, (_, kind) in enumerate(columns) if kind == "bool"]
    with path.open("wb") as lines:
        async with aclosing(moment.rows(statement)) as batches:
            async for batch in batches:
                rows += len(batch)
                await asyncio.to_thread(_write_rows, lines, batch, truths)
    return TableEntry(name, columns, rows, await asyncio.to_thread(digest_of, path))


def _write_rows(lines: IO[bytes], batch: Batch, truths: list[int]) -> None:
    for row in batch:
        values = list(row)
        for number in truths:
            # One of the databases has numbers for them.
            values[number] = None if values[number] is None else bool(values[number])
        lines.write(msgspec.json.encode(values) + b"\n")


async def _keys(moment: Snapshot) -> AsyncIterator[tuple[str, tuple[str, ...]]]:
    async for batch in moment.rows(queries.OWNED_KEYS_AND_KINDS):
        rows = [dict(zip(queries.OWNED_COLUMNS, row, strict=True)) for row in batch]
        for key, names in _wanted(rows).items():
            yield key, names


def _write_files(folder: Path, entries: list[FileEntry]) -> str:
    (folder / FILES).write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    return digest_of(folder / FILES)


def _finish(folder: Path, manifest: Manifest) -> None:
    """Write the manifest once everything else is on the disk."""
    os.sync()
    aside = folder / f".{MANIFEST}"
    with aside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(folder / MANIFEST)
