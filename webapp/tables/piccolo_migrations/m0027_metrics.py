"""The metrics of workers."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-28T23:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "metrics of workers"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("ALTER TABLE worker ADD COLUMN metrics TEXT NOT NULL DEFAULT '[]'")

    manager.add_raw(run)
    return manager
