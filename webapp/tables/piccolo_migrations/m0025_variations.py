"""The request to which variations belong: the sequence of the first of them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-28T21:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "variations of one request"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("ALTER TABLE job ADD COLUMN variation_of BIGINT")

    manager.add_raw(run)
    return manager
