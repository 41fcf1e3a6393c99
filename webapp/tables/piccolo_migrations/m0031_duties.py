"""When each piece of periodic work is due, for servers that share it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T06:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "duties"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        integer = "INTEGER" if QueueState._meta.db.engine_type == "sqlite" else "BIGINT"
        await QueueState.raw(
            f"CREATE TABLE duty (name VARCHAR(32) PRIMARY KEY, next_ms {integer} NOT NULL DEFAULT 0)"
        )

    manager.add_raw(run)
    return manager
