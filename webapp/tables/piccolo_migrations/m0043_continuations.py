"""The sound that a job continues, and those before it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:20:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "continued sounds"

STATEMENTS = (
    "ALTER TABLE job ADD COLUMN continues VARCHAR(20)",
    "ALTER TABLE job ADD COLUMN continues_from_s DOUBLE PRECISION",
    "ALTER TABLE job ADD COLUMN lineage TEXT NOT NULL DEFAULT '[]'",
    "CREATE INDEX job_continues ON job (continues) WHERE continues IS NOT NULL",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
