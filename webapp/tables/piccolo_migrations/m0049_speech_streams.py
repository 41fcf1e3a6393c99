"""Speech that is heard while it is spoken, and how far a text is."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-29T11:40:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "speech streams"

STATEMENTS = (
    "ALTER TABLE speech_request ADD COLUMN stream_format VARCHAR(4) NOT NULL DEFAULT ''",
    "ALTER TABLE speech_request ADD COLUMN sentences INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE speech_request ADD COLUMN sentences_done INTEGER NOT NULL DEFAULT 0",
    (
        "CREATE TABLE speech_piece (id {serial} PRIMARY KEY, request VARCHAR(12) NOT NULL"
        " REFERENCES speech_request (request_id) ON DELETE CASCADE, number INTEGER NOT NULL,"
        " data {bytes} NOT NULL, created_ms {integer} NOT NULL)"
    ),
    "CREATE UNIQUE INDEX speech_piece_number ON speech_piece (request, number)",
    "CREATE INDEX speech_piece_created ON speech_piece (created_ms)",
)
TYPES = {
    "sqlite": {"serial": "INTEGER", "bytes": "BLOB", "integer": "INTEGER"},
    "postgres": {"serial": "SERIAL", "bytes": "BYTEA", "integer": "BIGINT"},
}


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        types = TYPES["sqlite" if QueueState._meta.db.engine_type == "sqlite" else "postgres"]
        for statement in STATEMENTS:
            await QueueState.raw(statement.format(**types))

    manager.add_raw(run)
    return manager
