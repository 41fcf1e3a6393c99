"""Statements of shared mechanisms that stay SQL: hot paths, and what differs between the two databases."""

from collections.abc import Mapping, Sequence
from typing import Final

from piccolo.querystring import QueryString

from webapp.database import Database, Dialect, Row

# A range of times: later than the first, up to the second.
Window = tuple[int, int]

# --- rate limits. Raw for speed: they run with every limited request, within its transaction.

_ADD_HIT: Final = "INSERT INTO throttle_hit (bucket, at_ms) VALUES ({}, {}) RETURNING id"
_HITS_IN_WINDOW: Final = (
    "SELECT at_ms FROM throttle_hit WHERE bucket = {} AND at_ms > {} AND at_ms <= {}"
    " ORDER BY at_ms DESC LIMIT {}"
)
_PRUNE_BUCKET: Final = "DELETE FROM throttle_hit WHERE bucket = {} AND (at_ms <= {} OR at_ms > {})"
# Raw because only PostgreSQL can, and must, skip rows that others have locked.
_PRUNE_ALL: Final[dict[Dialect, str]] = {
    "sqlite": "DELETE FROM throttle_hit WHERE at_ms <= {} OR at_ms > {}",
    "postgres": "DELETE FROM throttle_hit WHERE id IN"
    " (SELECT id FROM throttle_hit WHERE at_ms <= {} OR at_ms > {} FOR UPDATE SKIP LOCKED)",
}
# Raw because the builder has no locks but those of rows.
_LOCK_BUCKET: Final = "SELECT pg_advisory_xact_lock({})"

# --- kept sums. Raw because the builder has no data-changing WITH, and whoever reads must see one state.

_FOLD: Final = (
    "WITH taken AS (SELECT id FROM tally WHERE name IN (SELECT name FROM tally WHERE NOT is_sum)"
    " FOR UPDATE SKIP LOCKED),"
    " added AS (DELETE FROM tally WHERE id IN (SELECT id FROM taken) RETURNING name, bytes, sounds)"
    " INSERT INTO tally (name, bytes, sounds, is_sum) SELECT name, SUM(bytes), SUM(sounds), TRUE FROM added"
    " GROUP BY name HAVING SUM(sounds) <> 0 OR SUM(bytes) <> 0"
)

# --- idempotency. Raw for speed: runs with every accepted job that has a key, while it holds the queue.

_FIND_ANSWER: Final = (
    "SELECT request_hash, answer FROM idempotency_key WHERE key_hash = {}"
    " AND created_ms > {} AND created_ms <= {}"
)

# --- the clock of the database. Raw because there is no table to build a query on.

_SERVER_TIME: Final = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms"


def any_of(values: Sequence[object]) -> QueryString:
    """List values for `is_in`; given a plain list of more than 100, the builder warns of its own slowness."""
    return QueryString(", ".join("{}" for _ in values), *values)


async def lock_bucket(database: Database, number: int) -> None:
    """Serialise the requests of a bucket until the transaction ends.

    SQLite's writing transactions are serial already. Under PostgreSQL's READ COMMITTED two could count the
    same rows.
    """
    if database.dialect == "postgres":
        await database.fetch(_LOCK_BUCKET, number)


async def add_hit(database: Database, bucket: str, now_ms: int) -> int:
    """Count a request; return the id of its row."""
    rows = await database.fetch(_ADD_HIT, bucket, now_ms)
    return int(rows[0]["id"])


async def hits_in_window(database: Database, bucket: str, window: Window, limit: int) -> list[int]:
    """Return the times of the newest requests in a window, newest first, at most `limit`."""
    rows = await database.fetch(_HITS_IN_WINDOW, bucket, *window, limit)
    return [row["at_ms"] for row in rows]


async def prune_bucket(database: Database, bucket: str, window: Window) -> None:
    """Delete the requests of a bucket that are outside a window."""
    await database.fetch(_PRUNE_BUCKET, bucket, *window)


async def prune_all_buckets(database: Database, window: Window) -> None:
    """Delete the requests of every bucket that are outside a window.

    Rows that another process is deleting are left to it: waiting for them could end in a deadlock.
    """
    await database.fetch(_PRUNE_ALL[database.dialect], *window)


async def fold_tallies(database: Database) -> None:
    """Replace the changes of each tally, and its sum, by their sum."""
    await database.fetch(_FOLD)


async def find_answer(database: Database, key_hash: str, after_ms: int, until_ms: int) -> Row | None:
    """Return the answer that was stored under an idempotency key within these times."""
    rows = await database.fetch(_FIND_ANSWER, key_hash, after_ms, until_ms)
    return rows[0] if rows else None


async def server_time_ms(database: Database) -> int:
    """Return the time of the PostgreSQL server."""
    rows = await database.fetch(_SERVER_TIME)
    return int(rows[0]["now_ms"])


async def claim_row(
    database: Database, table: str, key_column: str, key: str, values: Mapping[str, object]
) -> Row | None:
    """Give one row to the worker that `values` names, unless that worker is draining.

    Raw because claiming was measured, and it returns the whole row without an object for every column.
    Names of tables and columns are our own.
    """
    assignments = ", ".join(f"{column} = {{}}" for column in values)
    rows = await database.fetch(
        f"UPDATE {table} SET status = 'processing', fence = fence + 1, {assignments}"
        f" WHERE {key_column} = {{}}"
        " AND NOT EXISTS (SELECT 1 FROM worker WHERE worker_id = {} AND is_draining) RETURNING *",
        *values.values(),
        key,
        values["worker_id"],
    )
    return rows[0] if rows else None
