"""What Piccolo's columns cannot express: partial indexes, checks, and the queue's one row."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from webapp.tables import QueueState

ID = "2026-11-22T13:59:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "indexes, checks and the queue's row"

STATEMENTS = (
    # The three ways to be next in line, each read in order from its own small index.
    "CREATE INDEX job_queued_skipped ON job (skipped_ms, sequence) WHERE status = 'queued' AND skipped_ms IS NOT NULL",
    "CREATE INDEX job_queued_starving ON job (starves_ms, sequence) WHERE status = 'queued' AND skipped_ms IS NULL",
    "CREATE INDEX job_queued_tier ON job (priority, sequence) WHERE status = 'queued' AND skipped_ms IS NULL",
    "CREATE INDEX job_processing ON job (start_order) WHERE status = 'processing'",
    "CREATE INDEX job_active ON job (account) WHERE status IN ('queued', 'processing')",
    # What estimates learn from: the newest results.
    "CREATE INDEX job_completed ON job (finished_ms) WHERE status = 'completed'",
    "CREATE INDEX job_of_account ON job (account, created_ms)",
    "CREATE INDEX throttle_hit_window ON throttle_hit (bucket, at_ms)",
    "CREATE INDEX throttle_hit_age ON throttle_hit (at_ms)",
    # A job is charged once and refunded once, whatever happens.
    "CREATE UNIQUE INDEX aura_entry_refund ON aura_entry (job_id) WHERE kind = 'refund'",
    "CREATE UNIQUE INDEX aura_entry_skip ON aura_entry (job_id) WHERE kind = 'skip'",
    "INSERT INTO queue_state (id, version, next_sequence, is_paused) VALUES (1, 1, 1, false)",
)

# Name, table, and condition; `row.` stands before each column.
CHECKS = (
    ("account_balance_not_negative", "account", "row.aura_balance >= 0"),
    ("aura_entry_balance_not_negative", "aura_entry", "row.balance_after >= 0"),
    (
        "job_status_is_known",
        "job",
        "row.status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')",
    ),
    ("job_held_while_processing", "job", "(row.status = 'processing') = (row.worker_id IS NOT NULL)"),
)


def check_statements(engine_type: str) -> list[str]:
    """The checks as constraints, or as triggers where a table cannot be given constraints later (SQLite)."""
    if engine_type != "sqlite":
        return [
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition.replace('row.', '')})"
            for name, table, condition in CHECKS
        ]
    return [
        f"CREATE TRIGGER {name}_{event.lower()} BEFORE {event} ON {table}"
        f" WHEN NOT ({condition.replace('row.', 'NEW.')})"
        f" BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {name}'); END"
        for name, table, condition in CHECKS
        for event in ("INSERT", "UPDATE")
    ]


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="soundloom", description=DESCRIPTION)

    async def run() -> None:
        for statement in (*STATEMENTS, *check_statements(QueueState._meta.db.engine_type)):
            await QueueState.raw(statement)

    manager.add_raw(run)
    return manager
