"""Adds the material that engines keep to continue sounds, beside the table that lists read."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:21:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "material of sounds"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw(
            "CREATE TABLE sound_material (sound VARCHAR(20) PRIMARY KEY REFERENCES sound (generation_id)"
            " ON DELETE CASCADE, data TEXT NOT NULL)"
        )

    manager.add_raw(run)
    return manager
