"""Which Piccolo engine the settings ask for."""

from webapp.database.filesystem import refuse_network_file_system
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.settings import Settings

DATABASE_FILE = "soundloom.sqlite"

Engine = PersistentSQLiteEngine | PooledPostgresEngine


def engine_from(settings: Settings) -> Engine:
    """The engine that the settings name; nothing is opened yet.

    Raises SettingsError for an unknown kind of URL and for SQLite on a network file system.
    """
    if settings.database_url:
        return PooledPostgresEngine(settings.database_url)
    refuse_network_file_system(settings.data_path)
    return PersistentSQLiteEngine(settings.data_path / DATABASE_FILE)
