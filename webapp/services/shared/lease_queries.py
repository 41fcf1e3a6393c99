"""Keeping all leases of a worker at once.

Raw because the builder has neither lists of rows nor SKIP LOCKED, and it runs every second for every worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from webapp.database import Database, Dialect, Row
from webapp.tables import Worker

# A lease to be kept: the row's key, the fence, and how far the work is.
HeldRow = tuple[str, int, int]

# A list of rows cannot be empty; no row has this key.
_NO_ROW: Final[HeldRow] = ("", 0, 0)
_MARKS: Final = "(CAST({} AS TEXT), CAST({} AS BIGINT), CAST({} AS INTEGER))"

# The words in square brackets are replaced by names of ours.
_HOLDS: Final = (
    "[key] = held_key AND fence = held_fence"
    " AND status = 'processing' AND worker_id = {} AND lease_expires_ms >= {}"
)
_RENEWED: Final = "lease_expires_ms = {}[progress]"
_PROGRESS: Final = ", [column] = CASE WHEN [column] < held_pct THEN held_pct ELSE [column] END"

_KEEP: Final[dict[Dialect, str]] = {
    "sqlite": (
        "WITH held (held_key, held_fence, held_pct) AS (VALUES [rows])"
        f" UPDATE [table] SET {_RENEWED} FROM held WHERE {_HOLDS} RETURNING [key] AS row_key, fence"
    ),
    # It waits for nobody. A row that somebody has locked is as it was committed last, so its lease holds; it
    # is renewed by the next call. The setting lets the commit not wait for the disk.
    "postgres": (
        "WITH held (held_key, held_fence, held_pct) AS (VALUES [rows]),"
        f" valid AS (SELECT [key] AS row_key, fence FROM [table] JOIN held ON {_HOLDS}),"
        f" free AS (SELECT [key] AS free_key, held_pct FROM [table] JOIN held ON {_HOLDS}"
        " FOR NO KEY UPDATE OF [table] SKIP LOCKED),"
        f" renewed AS (UPDATE [table] SET {_RENEWED} FROM free WHERE [key] = free_key),"
        " known AS (SELECT 1 FROM worker WHERE worker_id = {}),"
        " beat AS (UPDATE worker SET heartbeat_ms = {} WHERE worker_id IN"
        " (SELECT worker_id FROM worker WHERE worker_id = {} FOR NO KEY UPDATE SKIP LOCKED))"
        " SELECT row_key, fence, '' AS setting FROM valid"
        " UNION ALL SELECT '', COUNT(*), set_config('synchronous_commit', 'off', true) FROM known"
    ),
}


@dataclass(frozen=True, slots=True)
class LeaseColumns:
    """The table of the leased rows, the column of its key, and the one for progress if it has one."""

    table: str
    key: str
    progress: str | None


@dataclass(frozen=True, slots=True)
class Kept:
    """The answer to a worker: the (key, fence) of its leases that hold, and whether the register has it."""

    held: frozenset[tuple[str, int]]
    is_registered: bool


async def keep_leases(
    database: Database,
    columns: LeaseColumns,
    worker_id: str,
    rows: Sequence[HeldRow],
    *,
    now_ms: int,
    expires_ms: int,
) -> Kept:
    """Record a worker's heartbeat, renew those leases that hold, and record progress, which never falls."""
    rows = rows or [_NO_ROW]
    given = [value for row in rows for value in row]
    holds = (worker_id, now_ms)
    if database.dialect == "postgres":
        beat = (worker_id, now_ms, worker_id)
        kept = await _run(database, columns, len(rows), *given, *holds, *holds, expires_ms, *beat)
        known = any(row["fence"] for row in kept if row["row_key"] == _NO_ROW[0])
        return Kept(_pairs(kept), is_registered=known)
    async with database.transaction(durable=False):
        kept = await _run(database, columns, len(rows), *given, expires_ms, *holds)
        heartbeat = Worker.update({Worker.heartbeat_ms: now_ms}).where(Worker.worker_id == worker_id)
        registered = await heartbeat.returning(Worker.worker_id)
    return Kept(_pairs(kept), is_registered=bool(registered))


def _pairs(rows: Sequence[Row]) -> frozenset[tuple[str, int]]:
    return frozenset((row["row_key"], row["fence"]) for row in rows if row["row_key"] != _NO_ROW[0])


async def _run(database: Database, columns: LeaseColumns, count: int, *arguments: object) -> list[Row]:
    progress = _PROGRESS.replace("[column]", columns.progress) if columns.progress else ""
    statement = _KEEP[database.dialect].replace("[progress]", progress)
    for word, name in (("table", columns.table), ("key", columns.key), ("rows", ", ".join([_MARKS] * count))):
        statement = statement.replace(f"[{word}]", name)
    return await database.fetch(statement, *arguments)
