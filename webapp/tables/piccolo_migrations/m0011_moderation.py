"""Who hid a sound or showed it again, and when."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T18:11:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "moderation"

STATEMENTS = (
    "ALTER TABLE library_item ADD COLUMN moderator VARCHAR(32) NOT NULL DEFAULT ''",
    "ALTER TABLE library_item ADD COLUMN moderated_ms {integer} DEFAULT NULL",
    "UPDATE library_item SET moderated_ms = created_ms WHERE is_hidden",
    # What admins look through: few of many.
    "CREATE INDEX library_item_moderated ON library_item (id) WHERE moderated_ms IS NOT NULL",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        integer = "INTEGER" if QueueState._meta.db.engine_type == "sqlite" else "BIGINT"
        for statement in STATEMENTS:
            await QueueState.raw(statement.replace("{integer}", integer))

    manager.add_raw(run)
    return manager
