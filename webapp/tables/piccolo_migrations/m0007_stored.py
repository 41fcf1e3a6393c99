"""An index that alone tells how much is stored, for each account and in all."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T16:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "bytes stored by account"


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        # Sounds hold their waveforms, so going through the rows themselves would read all of those.
        await QueueState.raw("CREATE INDEX sound_stored ON sound (account, bytes_total)")

    manager.add_raw(run)
    return manager
