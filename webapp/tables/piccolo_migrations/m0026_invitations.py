"""Invitations: one-time links by which people create their own accounts."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-28T22:50:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "invitations"

NUMBERED = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
    "postgres": "SERIAL PRIMARY KEY NOT NULL",
}
TABLE = (
    "CREATE TABLE invitation (id {id}, secret_hash VARCHAR(64) NOT NULL UNIQUE,"
    " username VARCHAR(32) NOT NULL DEFAULT '', tier VARCHAR(16) NOT NULL, author VARCHAR(32) NOT NULL,"
    " created_ms BIGINT NOT NULL, expires_ms BIGINT NOT NULL)"
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        await QueueState.raw(TABLE.format(id=NUMBERED[QueueState._meta.db.engine_type]))

    manager.add_raw(run)
    return manager
