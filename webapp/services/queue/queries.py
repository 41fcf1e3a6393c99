"""Raw statements of the queue, each with the reason why it is raw.

Accepting, claiming and reading the queue were measured: building them with Piccolo each time costs more than
the database does. The others say what the builder cannot say on both databases.
"""

from typing import Final

from piccolo.querystring import QueryString

from webapp.database import Database, Row

# The assignments of a job that fails; takes its error and the time. Raw as a part of admins' statements.
FAILED: Final = "status = 'failed', worker_id = NULL, lease_expires_ms = NULL, error = {}, finished_ms = {}"


async def claimant(database: Database, worker_id: str) -> Row | None:
    """Read the worker that asks for a job; None when there is nothing for it to take.

    Raw because idle workers run it with every hint: one statement that spans three tables.
    """
    rows = await database.fetch(
        "SELECT (SELECT device FROM worker WHERE worker_id = {}) AS device"
        " FROM queue_state WHERE id = 1 AND NOT is_paused"
        " AND EXISTS (SELECT 1 FROM job WHERE status = 'queued')"
        " AND NOT EXISTS (SELECT 1 FROM worker WHERE worker_id = {} AND is_draining)",
        worker_id,
        worker_id,
    )
    return rows[0] if rows else None


async def count_change(database: Database) -> None:
    """Count a change that readers see, inside a transition. Raw as part of claiming."""
    await database.fetch("UPDATE queue_state SET version = version + 1 WHERE id = 1")


def at_least(progress_pct: int) -> QueryString:
    """Return a value for `progress_pct` that never falls. Raw because the builder has no CASE."""
    return QueryString(
        "CASE WHEN progress_pct < {} THEN {} ELSE progress_pct END", progress_pct, progress_pct
    )
