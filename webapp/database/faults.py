"""Telling a database that is away for now from a statement that is wrong."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from webapp.errors import DatabaseAway, DatabaseDamaged, StorageFull, is_disk_full

# Primary result codes: somebody else holds the file, or the file or its disk cannot be used.
SQLITE_AWAY: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
    }
)
SQLITE_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# What SQLite reports, beside "full", when it cannot make or extend one of its files.
SQLITE_NO_ROOM: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
FULL_BELOW_BYTES: Final = 256 * 1024

# A server that is starting, stopping, recovering, overloaded or replaced, or whose disk fails; a statement
# that took too long or waited too long for a lock; a password or a database changed under our feet; and of
# several servers none that is of the kind asked for, while one takes over from another.
POSTGRES_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

# The drivers' own errors, whatever they mean.
DATABASE_ERRORS: Final = (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)

DISK_FULL: Final = "The server's disk is full, so nothing can be saved for now"


@contextmanager
def sqlite_faults(path: Path) -> Iterator[None]:
    """Raise DatabaseAway, DatabaseDamaged or StorageFull in place of SQLite's own errors of those kinds."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # Errors of the Python module itself, such as a wrong number of arguments, have no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code in SQLITE_NO_ROOM and _is_full(path.parent)):
            raise StorageFull(DISK_FULL) from error
        if code in SQLITE_DAMAGED:
            raise DatabaseDamaged(str(error)) from error
        if code in SQLITE_AWAY:
            raise DatabaseAway(str(error)) from error
        raise


@contextmanager
def postgres_faults() -> Iterator[None]:
    """Raise DatabaseAway or StorageFull in place of the driver's own errors of those kinds."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StorageFull(DISK_FULL) from error
    except asyncpg.DataError:
        # Arguments that do not fit: an error of ours, which the driver counts among its interface's.
        raise
    except POSTGRES_AWAY as error:
        raise DatabaseAway(reason_of(error)) from error


def reason_of(error: BaseException) -> str:
    """An error in a few words for the log: some of the driver's have no text."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def _is_full(folder: Path) -> bool:
    """Return whether nothing can be written for want of room: on the disk, or in the quota of this user."""
    try:
        if shutil.disk_usage(folder).free < FULL_BELOW_BYTES:
            return True
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(FULL_BELOW_BYTES))
    except OSError as error:
        return is_disk_full(error)
    return False
