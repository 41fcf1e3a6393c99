"""An index that finds what was paid for a job, instead of reading the whole ledger."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T06:45:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "ledger by job"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw("CREATE INDEX aura_entry_job ON aura_entry (job_id) WHERE job_id IS NOT NULL")

    manager.add_raw(run)
    return manager
