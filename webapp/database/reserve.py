"""Room kept for a full disk, so that people can still sign in and delete something.

There are two pieces. A file beside the database is deleted first: that is what a start, or a log that has to
grow, takes. Others may take that room too, so there is a piece inside the database as well, which nobody else
can use: rows that are deleted leave their pages to the next ones.
"""

import asyncio
import os
import shutil
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from webapp.database.patience import PASSING

if TYPE_CHECKING:
    from webapp.database.sqlite import PersistentSQLiteEngine

FILE_NAME: Final = "soundloom.reserve"
FILE_BYTES: Final = 4 * 1024 * 1024
INSIDE_BYTES: Final = 1024 * 1024
# With less than this free, the room is better left to what needs it.
SPARE_BYTES: Final = 3 * (FILE_BYTES + INSIDE_BYTES)


class DiskReserve:
    """The reserve of one SQLite database."""

    def __init__(self, engine: "PersistentSQLiteEngine") -> None:
        self._engine = engine
        self._file = engine.file.path.with_name(FILE_NAME)

    async def keep(self, *, is_start: bool = False) -> None:
        """Put aside what is missing, if the disk has room to spare.

        At a start the piece inside is written anew: SQLite's log has its size from then on, and keeps it.
        """
        with suppress(OSError, *PASSING):
            if not await asyncio.to_thread(self._has_room):
                return
            await asyncio.to_thread(self._make_file)
            async with self._engine.transaction(durable=False):
                await self._engine.writer.run(lambda raw: _put_aside(raw, anew=is_start))

    async def use(self) -> None:
        """Free all of it; what failed for want of room may then be tried once more."""
        await asyncio.to_thread(self.free_file)
        with suppress(*PASSING):
            # What the log holds goes into the database, and the log begins anew in the room that it has.
            await self._engine.writer.run(lambda raw: raw.execute("PRAGMA wal_checkpoint(PASSIVE)").close())
            async with self._engine.transaction(durable=False):
                await self._engine.writer.run(_free)

    def free_file(self) -> None:
        """Free the file only, when the database cannot even be opened."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _has_room(self) -> bool:
        return shutil.disk_usage(self._file.parent).free >= SPARE_BYTES

    def _make_file(self) -> None:
        if self._file.exists():
            return
        # Not zeros: file systems that compress, or leave holes, would keep no room for them.
        aside = self._file.with_suffix(".part")
        aside.write_bytes(os.urandom(FILE_BYTES))
        aside.rename(self._file)


def _put_aside(raw: sqlite3.Connection, *, anew: bool) -> None:
    raw.execute("CREATE TABLE IF NOT EXISTS disk_reserve (room BLOB NOT NULL)").close()
    if anew:
        raw.execute("DELETE FROM disk_reserve").close()
    raw.execute(
        "INSERT INTO disk_reserve SELECT zeroblob(?) WHERE NOT EXISTS (SELECT 1 FROM disk_reserve)",
        (INSIDE_BYTES,),
    ).close()


def _free(raw: sqlite3.Connection) -> None:
    found = raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'disk_reserve'").fetchall()
    if found:
        raw.execute("DELETE FROM disk_reserve").close()
