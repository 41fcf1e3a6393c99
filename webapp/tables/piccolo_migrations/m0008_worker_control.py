"""What operators ask of workers."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T18:00:08:000000"
VERSION = "1.38.0"
DESCRIPTION = "draining workers and wishes for models"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("ALTER TABLE worker ADD COLUMN is_draining BOOLEAN NOT NULL DEFAULT false")
        await QueueState.raw(
            "CREATE TABLE model_wish (model VARCHAR(16) PRIMARY KEY, action VARCHAR(8) NOT NULL,"
            " number BIGINT NOT NULL, is_pinned BOOLEAN NOT NULL)"
        )

    manager.add_raw(run)
    return manager
