"""The record of what admins did, jobs that they moved, and what the last hour's charts are read from."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T18:12:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "administration"

NUMBERED = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
    "postgres": "SERIAL PRIMARY KEY NOT NULL",
}
TABLE = (
    "CREATE TABLE admin_action (id {id}, at_ms BIGINT NOT NULL, author VARCHAR(32) NOT NULL,"
    " action VARCHAR(32) NOT NULL, subject VARCHAR(100) NOT NULL DEFAULT '',"
    " detail VARCHAR(300) NOT NULL DEFAULT '')"
)
STATEMENTS = (
    "CREATE INDEX admin_action_subject ON admin_action (subject, id)",
    "ALTER TABLE job ADD COLUMN is_moved BOOLEAN NOT NULL DEFAULT false",
    # The waits of the last hour, without reading the jobs themselves.
    "CREATE INDEX job_started ON job (started_ms, created_ms)",
    "CREATE INDEX job_gone ON job (status, finished_ms) WHERE status IN ('failed', 'cancelled')",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        kind = NUMBERED[QueueState._meta.db.engine_type]
        for statement in (TABLE.format(id=kind), *STATEMENTS):
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
