"""Taking a backup while the server goes on."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import msgspec
from piccolo.apps.migrations.tables import Migration
from piccolo.table import Table

import webapp
from webapp.database.snapshot import Batch, Snapshot, snapshot
from webapp.errors import Conflict
from webapp.services.backup.layout import (
    CHUNK_BYTES,
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
from webapp.services.container import Services
from webapp.services.sounds import OWNED_KEYS
from webapp.storage.local import FILE_NAMES

PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup holds."""

    sounds: int
    files: int
    bytes_total: int
    rows: int


async def back_up(services: Services, folder: Path) -> BackedUp:
    """Write a backup into a new or empty folder. Raises Conflict for another one, and OSError.

    Files of sounds never change, so most are copied before the moment that the tables are of, and only those
    that were made meanwhile after it. A sound that is deleted in between is left out of the restored library.
    """
    await asyncio.to_thread(_make_folder, folder)
    copier = _Copier(services, folder)
    for row in await services.database.fetch(OWNED_KEYS):
        if row["storage_key"]:
            await copier.copy(row["storage_key"])
    migrations = await Migration.get_migrations_which_ran(app_name="soundloom")
    async with snapshot(services.database) as moment:
        tables = [await _dump(moment, table, folder) for table in backed_up_tables()]
        keys = {key async for key in _keys(moment)}
    for key in keys - copier.entries.keys():
        await copier.copy(key)
    gone = sorted(keys - copier.entries.keys())
    await asyncio.to_thread(copier.forget, copier.entries.keys() - keys)
    entries = [entry for key in sorted(copier.entries) for entry in copier.entries[key]]
    manifest = Manifest(
        software=f"Soundloom {webapp.__version__}",
        created_at=datetime.fromtimestamp(services.clock.now_ms() / 1000, UTC).isoformat(),
        migrations=sorted(migrations),
        tables=tables,
        files=len(entries),
        files_sha256=await asyncio.to_thread(_write_files, folder, entries),
        gone=gone,
    )
    await asyncio.to_thread(_finish, folder, manifest)
    return BackedUp(
        sounds=len(copier.entries),
        files=len(entries),
        bytes_total=sum(entry.size for entry in entries),
        rows=sum(table.rows for table in tables),
    )


class _Copier:
    """Copies the files of sounds, and knows which it has."""

    def __init__(self, services: Services, folder: Path) -> None:
        self._storage = services.storage
        self._folder = folder / SOUNDS
        self.entries: dict[str, list[FileEntry]] = {}

    async def copy(self, key: str) -> None:
        """Copy what there is under a key; nothing if it was deleted, even half-way."""
        entries = []
        for name in FILE_NAMES:
            try:
                path = await self._storage.path(key, name)
                entries.append(await asyncio.to_thread(self._copy, path, key, name))
            except FileNotFoundError:
                continue
        if entries and await self._is_still_there(key, entries[0].name):
            self.entries[key] = entries
        else:
            await asyncio.to_thread(self._remove, key)

    def forget(self, keys: set[str]) -> None:
        """Remove what was copied of sounds that are not of the backup's moment."""
        for key in keys:
            self._remove(key)
            del self.entries[key]

    async def _is_still_there(self, key: str, name: str) -> bool:
        # A group goes as a whole, so its first file says whether all that there were were copied.
        try:
            await self._storage.path(key, name)
        except FileNotFoundError:
            return False
        return True

    def _copy(self, path: Path, key: str, name: str) -> FileEntry:
        digest, size = hashlib.sha256(), 0
        target = self._folder / key / name
        with path.open("rb") as source:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as copy:
                while chunk := source.read(CHUNK_BYTES):
                    digest.update(chunk)
                    size += len(chunk)
                    copy.write(chunk)
        return FileEntry(key, name, size, digest.hexdigest())

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
    """One table as lines of JSON, each a row."""
    name, columns = table._meta.tablename, columns_of(table)
    key = table._meta.primary_key._meta.db_column_name
    listed = ", ".join(f'"{column}"' for column, _ in columns)
    path, rows = folder / TABLES / f"{name}.jsonl", 0
    truths = [number for number, (_, kind) in enumerate(columns) if kind == "bool"]
    with path.open("wb") as lines:
        async with aclosing(moment.rows(f'SELECT {listed} FROM "{name}" ORDER BY "{key}"')) as batches:  # type: ignore[type-var]
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


async def _keys(moment: Snapshot) -> AsyncIterator[str]:
    async for batch in moment.rows(f"SELECT storage_key FROM ({OWNED_KEYS}) AS owned"):
        for row in batch:
            if row[0]:
                yield row[0]


def _write_files(folder: Path, entries: list[FileEntry]) -> str:
    (folder / FILES).write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
    return digest_of(folder / FILES)


def _finish(folder: Path, manifest: Manifest) -> None:
    """Everything is on the disk before the manifest says so."""
    os.sync()
    aside = folder / f".{MANIFEST}"
    with aside.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(folder / MANIFEST)
