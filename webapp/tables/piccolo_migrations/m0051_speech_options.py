"""Adds the manner of speaking, beside the speed."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:42:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "speech options"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("ALTER TABLE speech_request ADD COLUMN options TEXT NOT NULL DEFAULT ''")

    manager.add_raw(run)
    return manager
