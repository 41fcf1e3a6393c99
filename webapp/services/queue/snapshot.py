"""The queue as everybody sees it."""

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.ordering import in_order
from webapp.policy.queue.reasons import (
    NOTHING_AHEAD,
    JobsAhead,
    PositionReason,
    ahead_of_each,
    position_reasons,
)
from webapp.services.queue import queries
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.estimates import Estimator
from webapp.services.queue.rows import (
    live_sound,
    priority_label,
    running_job,
    variation_letter,
    waiting_job,
)
from webapp.services.queue.views import QueuedJob, QueueSnapshot
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.tables import QueueState

REFRESH_ESTIMATES_MS = 1_000


class QueueReader:
    """Reads the queue in the order in which it will be served."""

    def __init__(
        self, database: Database, clock: Clock, estimator: Estimator, affinities: AffinityStore
    ) -> None:
        self._database = database
        self._clock = clock
        self._estimator = estimator
        self._affinities = affinities
        self._cache: ReadCache[None, QueueSnapshot] = ReadCache(database, clock, capacity=1)

    async def change_counter(self) -> int:
        """Return a number that differs after somebody else has changed what is shown.

        On SQLite it counts every commit of other processes, on PostgreSQL every change of the queue.
        """
        counter = await self._database.data_version()
        if counter is None:
            state = await QueueState.select(QueueState.version).where(QueueState.id == 1).first()
            counter = int(state["version"]) if state else 0
        return counter

    async def snapshot(self) -> QueueSnapshot:
        """Return the whole queue: processing jobs by their start, then waiting ones in order.

        While nothing changes it is the same object, so callers can keep what they derive from it.
        """
        return await self._cache.get(None, self._read)

    async def _read(self) -> Reading[QueueSnapshot]:
        rows = await queries.active_jobs(self._database)
        state, now_ms = rows[0], self._clock.now_ms()
        jobs = [row for row in rows if row["job_id"] is not None]
        processing = sorted(
            (row for row in jobs if row["status"] == "processing"), key=lambda row: row["start_order"]
        )
        by_sequence = {row["sequence"]: row for row in jobs if row["status"] == "queued"}
        affinities = self._affinities.of(state["affinities"], processing)
        order = in_order(map(waiting_job, by_sequence.values()), now_ms, affinities)
        waiting = [by_sequence[job.sequence] for job in order]
        starts: list[Start | None] = [None] * len(order)
        outlook = await self._estimator.outlook()
        if not state["is_paused"]:
            starts = outlook.starts(now_ms, running=[running_job(row) for row in processing], waiting=order)
        moved = {row["sequence"] for row in waiting if row["is_moved"]}
        # A new skip goes behind earlier ones.
        skip_place = len(processing) + sum(row["skipped_ms"] is not None for row in waiting) + 1
        reasons, ahead = position_reasons(order, now_ms, moved), ahead_of_each(order, now_ms)
        # The order changes when a job begins to starve, and estimates change as time passes.
        changes_ms = (row["starves_ms"] for row in waiting if (row["starves_ms"] or 0) > now_ms)
        snapshot = QueueSnapshot(
            version=state["version"],
            is_paused=bool(state["is_paused"]),
            jobs=(
                *(
                    _view(row, position, usual_s=outlook.usual_s(running_job(row)))
                    for position, row in enumerate(processing, 1)
                ),
                *(
                    _view(row, position, reason, start, skip_place if skip_place < position else None, before)
                    for position, (row, reason, start, before) in enumerate(
                        zip(waiting, reasons, starts, ahead, strict=True), len(processing) + 1
                    )
                ),
            ),
            valid_until_ms=min((now_ms + REFRESH_ESTIMATES_MS, *changes_ms)),
            read_ms=now_ms,
        )
        return Reading(snapshot, snapshot.valid_until_ms)


def _view(
    row: Row,
    position: int,
    reason: PositionReason | None = None,
    start: Start | None = None,
    skip_place: int | None = None,
    ahead: JobsAhead = NOTHING_AHEAD,
    usual_s: float | None = None,
) -> QueuedJob:
    return QueuedJob(
        job_id=row["job_id"],
        account_id=row["account"],
        status=row["status"],
        position=position,
        model=row["model"],
        duration_s=row["duration_s"],
        priority=priority_label(row),
        tier=row["tier"],
        created_ms=row["created_ms"],
        started_ms=row["started_ms"],
        progress_pct=row["progress_pct"],
        reason=reason,
        start=start,
        prompt=row["prompt"],
        is_held=bool(row["is_paused"]) and row["status"] == "queued",
        skip_place=skip_place if row["skipped_ms"] is None else None,
        usual_s=usual_s,
        ahead=ahead,
        starves_ms=row["starves_ms"],
        variation=variation_letter(row),
        live=live_sound(row),
    )
