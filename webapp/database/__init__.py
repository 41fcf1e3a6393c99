"""The database: Piccolo engines for SQLite and PostgreSQL, transactions and migrations."""

from webapp.database.database import Database, Dialect
from webapp.database.engines import engine_from
from webapp.database.migrate import MigrationFailed, is_migrated, migrate
from webapp.database.rows import Row
from webapp.database.statements import literals

__all__ = [
    "Database",
    "Dialect",
    "MigrationFailed",
    "Row",
    "engine_from",
    "is_migrated",
    "literals",
    "migrate",
]
