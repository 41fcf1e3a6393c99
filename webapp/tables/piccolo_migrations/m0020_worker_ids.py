"""Workers' affinity in columns of its own, and room for the names that operators give to workers."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-28T15:30:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "worker ids"

MODELS = ("music", "audio", "magnet")
# What was read from one text: null where no model ever needs loading, else names between commas.
STATEMENTS = (
    "ALTER TABLE worker ADD COLUMN has_affinity BOOLEAN NOT NULL DEFAULT false",
    *(f"ALTER TABLE worker ADD COLUMN ready_{model} BOOLEAN NOT NULL DEFAULT false" for model in MODELS),
    "UPDATE worker SET has_affinity = true WHERE ready_models IS NOT NULL",
    *(
        f"UPDATE worker SET ready_{model} = true WHERE ',' || ready_models || ',' LIKE '%,{model},%'"
        for model in MODELS
    ),
    "ALTER TABLE worker DROP COLUMN ready_models",
)
# SQLite keeps to no length.
POSTGRES = tuple(
    f"ALTER TABLE {table} ALTER COLUMN worker_id TYPE VARCHAR(64)"
    for table in ("worker", "job", "speech_request")
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        is_sqlite = QueueState._meta.db.engine_type == "sqlite"
        for statement in (*STATEMENTS, *(() if is_sqlite else POSTGRES)):
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
