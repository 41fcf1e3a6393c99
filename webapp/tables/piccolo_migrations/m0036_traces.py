"""The trace that a job belongs to."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:52:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "traces of jobs"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("ALTER TABLE job ADD COLUMN trace VARCHAR(64) NOT NULL DEFAULT ''")

    manager.add_raw(run)
    return manager
