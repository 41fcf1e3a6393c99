"""Telling a database that is away for now from a statement that is wrong."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from webapp.errors import DatabaseAway, StorageFull

# Primary result codes: somebody else holds the file, or the file or its disk cannot be used.
SQLITE_AWAY: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
    }
)
POSTGRES_AWAY: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    OSError,
)


@contextmanager
def sqlite_faults() -> Iterator[None]:
    """Raise DatabaseAway or StorageFull in place of SQLite's own errors of those kinds."""
    try:
        yield
    except sqlite3.OperationalError as error:
        primary_code = error.sqlite_errorcode & 0xFF
        if primary_code == sqlite3.SQLITE_FULL:
            raise StorageFull("The server's disk is full, so nothing can be saved for now") from error
        if primary_code in SQLITE_AWAY:
            raise DatabaseAway from error
        raise


@contextmanager
def postgres_faults() -> Iterator[None]:
    """Raise DatabaseAway or StorageFull in place of the driver's own errors of those kinds."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StorageFull("The server's disk is full, so nothing can be saved for now") from error
    except asyncpg.DataError:
        # Arguments that do not fit: an error of ours, which the driver counts among its interface's.
        raise
    except POSTGRES_AWAY as error:
        raise DatabaseAway from error
