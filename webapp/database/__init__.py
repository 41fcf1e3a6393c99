"""The database: Piccolo engines for SQLite and PostgreSQL, transactions and migrations."""

from webapp.database.database import Database, Dialect
from webapp.database.engines import engine_from
from webapp.database.migrate import MigrationFailed, is_migrated, migrate

__all__ = ["Database", "Dialect", "MigrationFailed", "engine_from", "is_migrated", "migrate"]
