"""Sounds that were sent in, and the sound whose melody a job follows."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:25:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "uploads"

STATEMENTS = (
    (
        "CREATE TABLE upload (upload_id VARCHAR(20) PRIMARY KEY,"
        " account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,"
        " storage_key VARCHAR(64) NOT NULL UNIQUE, created_ms {integer} NOT NULL, expires_ms {integer} NOT NULL,"
        " is_ready BOOLEAN NOT NULL DEFAULT FALSE, kind VARCHAR(8) NOT NULL DEFAULT '',"
        " duration_s DOUBLE PRECISION NOT NULL DEFAULT 0, sample_rate INTEGER NOT NULL DEFAULT 0,"
        " channels INTEGER NOT NULL DEFAULT 0, bytes_total {integer} NOT NULL DEFAULT 0)"
    ),
    "CREATE INDEX upload_account ON upload (account)",
    "CREATE INDEX upload_expires ON upload (expires_ms)",
    # `upload/<id>` or `generation/<id>`.
    "ALTER TABLE job ADD COLUMN melody_from VARCHAR(40)",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        integer = "INTEGER" if QueueState._meta.db.engine_type == "sqlite" else "BIGINT"
        for statement in STATEMENTS:
            await QueueState.raw(statement.replace("{integer}", integer))

    manager.add_raw(run)
    return manager
