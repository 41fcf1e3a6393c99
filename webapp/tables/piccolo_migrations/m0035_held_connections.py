"""The connections that are held open, by server and holder."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:51:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "held connections"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        is_sqlite = QueueState._meta.db.engine_type == "sqlite"
        key = "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL" if is_sqlite else "SERIAL PRIMARY KEY NOT NULL"
        big = "INTEGER" if is_sqlite else "BIGINT"
        await QueueState.raw(
            f"CREATE TABLE held_connections (id {key}, server VARCHAR(32) NOT NULL, holder VARCHAR(80) NOT NULL,"
            f" held INTEGER NOT NULL DEFAULT 0, expires_ms {big} NOT NULL DEFAULT 0)"
        )
        await QueueState.raw(
            "CREATE UNIQUE INDEX held_connections_holder ON held_connections (holder, server)"
        )

    manager.add_raw(run)
    return manager
