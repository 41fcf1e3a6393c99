"""Adds the state of a sound that is being made to the row of its job."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:00:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "live sounds"

COLUMNS = (
    "discarded_takes INTEGER NOT NULL DEFAULT 0",
    "is_audible BOOLEAN NOT NULL DEFAULT FALSE",
    "stream_formats INTEGER NOT NULL DEFAULT 0",
    "interruption TEXT NOT NULL DEFAULT ''",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        for column in COLUMNS:
            await QueueState.raw(f"ALTER TABLE job ADD COLUMN {column}")

    manager.add_raw(run)
    return manager
