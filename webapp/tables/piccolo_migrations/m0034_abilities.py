"""The models that a worker can make, and the ways to be next in line by model."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "abilities of workers"

STATEMENTS = (
    "ALTER TABLE worker ADD COLUMN makes TEXT",
    "CREATE INDEX job_queued_skipped_model ON job (model, skipped_ms, sequence) WHERE status = 'queued' AND skipped_ms IS NOT NULL",
    "CREATE INDEX job_queued_starving_model ON job (model, starves_ms, sequence) WHERE status = 'queued' AND skipped_ms IS NULL",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        for statement in STATEMENTS:
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
