"""Texts to be spoken, and the voices of speech workers."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T18:10:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "speech"

STATEMENTS = (
    # What a worker does: `sound` for those that take jobs, `speech` for those that speak.
    "ALTER TABLE worker ADD COLUMN kind VARCHAR(8) NOT NULL DEFAULT 'sound'",
    "ALTER TABLE worker ADD COLUMN voices TEXT NOT NULL DEFAULT '[]'",
    (
        "CREATE TABLE speech_request (request_id VARCHAR(12) PRIMARY KEY,"
        " account INTEGER REFERENCES account (id) ON DELETE CASCADE, generation_id VARCHAR(20) NOT NULL UNIQUE,"
        " status VARCHAR(12) NOT NULL, created_ms {integer} NOT NULL, text TEXT NOT NULL,"
        " voice VARCHAR(100) NOT NULL, speed DOUBLE PRECISION NOT NULL, worker_id VARCHAR(12),"
        " lease_expires_ms {integer}, fence {integer} NOT NULL DEFAULT 0, lost_workers INTEGER NOT NULL DEFAULT 0,"
        " refusal VARCHAR(100) NOT NULL DEFAULT '', duration_s DOUBLE PRECISION, finished_ms {integer},"
        " CHECK (status IN ('queued', 'processing', 'completed', 'failed')),"
        " CHECK ((status = 'processing') = (worker_id IS NOT NULL)))"
    ),
    "CREATE INDEX speech_request_account ON speech_request (account)",
    "CREATE INDEX speech_request_queued ON speech_request (created_ms) WHERE status = 'queued'",
    "CREATE INDEX speech_request_processing ON speech_request (lease_expires_ms) WHERE status = 'processing'",
    "CREATE INDEX speech_request_ended ON speech_request (finished_ms) WHERE finished_ms IS NOT NULL",
    # A voice has one sample, however many ask for it at once.
    "CREATE UNIQUE INDEX speech_sample ON speech_request (voice) WHERE account IS NULL AND status <> 'failed'",
)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        integer = "INTEGER" if QueueState._meta.db.engine_type == "sqlite" else "BIGINT"
        for statement in STATEMENTS:
            await QueueState.raw(statement.replace("{integer}", integer))

    manager.add_raw(run)
    return manager
