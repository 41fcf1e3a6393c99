"""The mark of the storage, and the files that have no sound yet or no longer."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-28T23:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "storage"

STATEMENTS = (
    (
        "CREATE TABLE storage_mark (id INTEGER PRIMARY KEY, mark VARCHAR(64) NOT NULL,"
        " is_certain BOOLEAN NOT NULL DEFAULT FALSE, swept_ms {integer} NOT NULL DEFAULT 0, CHECK (id = 1))"
    ),
    (
        "CREATE TABLE loose_files (storage_key VARCHAR(64) PRIMARY KEY, until_ms {integer} NOT NULL,"
        " is_doomed BOOLEAN NOT NULL DEFAULT FALSE)"
    ),
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        integer = "INTEGER" if QueueState._meta.db.engine_type == "sqlite" else "BIGINT"
        for statement in STATEMENTS:
            await QueueState.raw(statement.replace("{integer}", integer))

    manager.add_raw(run)
    return manager
