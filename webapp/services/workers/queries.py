"""Raw statements about workers, for speed on measured hot paths."""

from typing import Final

from webapp.database import Database, Row

# Raw for speed: runs with every heartbeat and every change of a worker's state.
_RECORD_REPORT: Final = (
    "UPDATE worker SET state = {}, report = {}, device = COALESCE({}, device), makes = {}, heartbeat_ms = {}"
    " WHERE worker_id = {}"
)

# Raw for speed: runs with every accepted job and every reading of the queue.
_ON_DUTY: Final = (
    "SELECT worker_id, device, report, makes FROM worker WHERE heartbeat_ms BETWEEN {} AND {}"
    " AND state <> 'stopping' AND NOT is_draining AND kind = 'sound' ORDER BY started_ms, worker_id"
)


async def record_report(
    database: Database,
    worker_id: str,
    *,
    state: str,
    report: str,
    device: str | None,
    makes: str | None,
    now_ms: int,
) -> None:
    """Record a worker's heartbeat with its state and report; without a device the recorded one stays."""
    await database.fetch(_RECORD_REPORT, state, report, device, makes, now_ms, worker_id)


async def workers_on_duty(database: Database, earliest_ms: int, latest_ms: int) -> list[Row]:
    """Return the workers that take jobs and whose last heartbeat is between these times, oldest first."""
    return await database.fetch(_ON_DUTY, earliest_ms, latest_ms)
