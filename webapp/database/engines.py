"""Which Piccolo engine the settings ask for."""

from webapp.database.address import LISTEN_VARIABLE, VARIABLE
from webapp.database.filesystem import refuse_network_file_system
from webapp.database.link import PostgresLimits
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.errors import SettingsError
from webapp.settings import Settings

DATABASE_FILE = "soundloom.sqlite"

Engine = PersistentSQLiteEngine | PooledPostgresEngine


def engine_from(settings: Settings) -> Engine:
    """The engine that the settings name; nothing is opened yet.

    Raises SettingsError for a URL that cannot be one, for half of a pair of addresses, and for SQLite on a
    network file system.
    """
    if settings.database_url:
        return PooledPostgresEngine(
            settings.database_url, postgres_limits(settings), direct_url=settings.database_listen_url
        )
    if settings.database_listen_url:
        raise SettingsError(f"{LISTEN_VARIABLE} is set, and {VARIABLE} is not; set both, or neither.")
    refuse_network_file_system(settings.data_path)
    return PersistentSQLiteEngine(settings.data_path / DATABASE_FILE)


def postgres_limits(settings: Settings) -> PostgresLimits:
    """Return how long to wait for PostgreSQL, and how many connections to take."""
    return PostgresLimits(
        connect_s=settings.database_connect_s,
        lock_s=settings.database_lock_s,
        statement_s=settings.database_statement_s,
        connections=settings.database_connections,
    )
