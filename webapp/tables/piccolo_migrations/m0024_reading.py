"""What an engine that reads prompts by rules made of a sound's prompt."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-28T19:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "prompt readings"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("ALTER TABLE sound ADD COLUMN reading TEXT NOT NULL DEFAULT ''")

    manager.add_raw(run)
    return manager
