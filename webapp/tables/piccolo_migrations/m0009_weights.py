"""Models' weights: folders on workers' hosts, and what they hold or are to hold."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T18:09:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "folders of weights and downloads"

NUMBERED = {
    "sqlite": "INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL",
    "postgres": "SERIAL PRIMARY KEY NOT NULL",
}
STATEMENTS = (
    (
        "CREATE TABLE weights_folder (id {id}, folder VARCHAR(400) NOT NULL UNIQUE,"
        " host VARCHAR(255) NOT NULL, path VARCHAR(4096) NOT NULL, free_bytes BIGINT NOT NULL,"
        " seen_ms BIGINT NOT NULL)"
    ),
    (
        "CREATE TABLE weights_copy (id {id}, folder VARCHAR(400) NOT NULL, name VARCHAR(64) NOT NULL,"
        " state VARCHAR(12) NOT NULL, wish VARCHAR(8) NOT NULL DEFAULT '', done_bytes BIGINT NOT NULL DEFAULT 0,"
        " total_bytes BIGINT NOT NULL DEFAULT 0, bytes_per_s BIGINT NOT NULL DEFAULT 0,"
        " error TEXT NOT NULL DEFAULT '', accepted_by VARCHAR(64) NOT NULL DEFAULT '',"
        " asked_ms BIGINT NOT NULL DEFAULT 0, UNIQUE (folder, name))"
    ),
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        kind = NUMBERED[QueueState._meta.db.engine_type]
        for statement in STATEMENTS:
            await QueueState.raw(statement.replace("{id}", kind))

    manager.add_raw(run)
    return manager
