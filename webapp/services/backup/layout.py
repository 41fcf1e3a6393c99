"""The layout of a backup: a folder with tables as lines of JSON, files of sounds, and a manifest."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from piccolo.columns import Column
from piccolo.table import Table, sort_table_classes

from webapp.errors import InvalidRequest
from webapp.foreign_text import json_of
from webapp.tables import (
    ALL_TABLES,
    Duty,
    HeldConnections,
    Invitation,
    LooseFiles,
    SetupLink,
    StorageMark,
    Tally,
    Upload,
    WeightsCopy,
    WeightsFolder,
    Worker,
)

FORMAT: Final = "soundloom-backup"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
TABLES: Final = "tables"
SOUNDS: Final = "sounds"
FILES: Final = "files.jsonl"
# Who works or is connected at the moment, secrets of the moment, what is on the disks of hosts, and which
# storage belongs to the database: of no use elsewhere. Uploads are kept for a day only. Sums are kept anew as
# sounds are inserted.
LEFT_OUT: Final = frozenset(
    {
        Worker,
        SetupLink,
        Invitation,
        WeightsFolder,
        WeightsCopy,
        StorageMark,
        LooseFiles,
        Duty,
        HeldConnections,
        Tally,
        Upload,
    }
)


class TableEntry(msgspec.Struct, frozen=True):
    """One table: its columns with their kinds (bool, int, float, str), how many rows, and their digest."""

    name: str
    columns: list[tuple[str, str]]
    rows: int
    sha256: str


class FileEntry(msgspec.Struct, frozen=True):
    """One file of a sound, by the sound's key in the storage."""

    key: str
    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """The whole of a backup. It is written last: a folder without it is no backup.

    `gone`: keys of sounds that were deleted while the backup was taken. `missing`: files that were missing
    already, by the keys of their sounds, where a backup without them was asked for.
    """

    software: str
    created_at: str
    migrations: list[str]
    tables: list[TableEntry]
    files: int
    files_sha256: str
    gone: list[str]
    missing: dict[str, list[str]] = {}
    format: str = FORMAT
    version: int = VERSION


def backed_up_tables() -> list[type[Table]]:
    """List the tables of a backup; each comes after those that it refers to."""
    return sort_table_classes([table for table in ALL_TABLES if table not in LEFT_OUT])


def columns_of(table: type[Table]) -> list[tuple[str, str]]:
    """List a table's columns, each with its kind."""
    return [(column._meta.db_column_name, _kind(column)) for column in table._meta.columns]


def _kind(column: Column) -> str:
    kind: str = column.value_type.__name__
    return kind if kind in {"bool", "int", "float"} else "str"


def read_manifest(folder: Path) -> Manifest:
    """Read a backup's manifest. Raises InvalidRequest if there is none, or none that is understood."""
    try:
        manifest = msgspec.json.decode(json_of((folder / MANIFEST).read_bytes()), type=Manifest)
    except FileNotFoundError as error:
        raise InvalidRequest(f"{folder} is not a finished backup: it has no {MANIFEST}") from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"{folder / MANIFEST} cannot be read: {error}") from error
    if manifest.format != FORMAT or manifest.version != VERSION:
        raise InvalidRequest(f"{folder} is not a backup that this version understands")
    return manifest


def read_files(folder: Path) -> Iterator[FileEntry]:
    """Read the list of the files that a backup holds."""
    decoder = msgspec.json.Decoder(FileEntry)
    with (folder / FILES).open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)


def digest_of(path: Path) -> str:
    """Compute the SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
