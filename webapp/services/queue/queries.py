"""Raw statements of the queue, each with the reason why it is raw.

Accepting, claiming and reading the queue were measured: building these statements with Piccolo each time
costs more than executing them. The others use SQL that the builder cannot express on both databases.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from piccolo.columns.combination import WhereRaw
from piccolo.querystring import QueryString

from webapp.database import Database, Dialect, Row, literals
from webapp.policy.generation import MODELS
from webapp.policy.moments import SKEW_MS
from webapp.policy.queue.job_status import ACTIVE, UNSUCCESSFUL, JobStatus
from webapp.policy.queue.ordering import Rank
from webapp.services.library.sounds import SOUND_COLUMNS, SOUND_PREFIX

# Worded as in the partial indexes: SQLite does not use those for a parameter. None is of all waiting jobs.
_ACTIVE: Final = f"status IN {literals(ACTIVE)}"
_WAITING: Final = f"{_ACTIVE} AND status = 'queued'"
WAITING: Final = WhereRaw(_WAITING)
IS_ACTIVE: Final = WhereRaw(_ACTIVE)

# Each way to be first in the queue, in order of precedence.
FIRST_IN_QUEUE: Final = {
    Rank.SKIPPED: "status = 'queued' AND skipped_ms IS NOT NULL ORDER BY skipped_ms, sequence",
    Rank.STARVING: (
        "status = 'queued' AND skipped_ms IS NULL AND starves_ms <= {} ORDER BY starves_ms, sequence"
    ),
    Rank.BY_TIER: "status = 'queued' AND skipped_ms IS NULL ORDER BY priority, sequence",
}
# Used only when no job is starving, so it need not check for that.
FIRST_OF_MODEL: Final = (
    "status = 'queued' AND skipped_ms IS NULL AND model = {} AND priority = {} ORDER BY sequence"
)

# The workers' affinities as one column of JSON, so that jobs and workers are read in one statement.
_AFFINITY_COLUMNS: Final = ("worker_id", "affinity_streak", *(f"ready_{model}" for model in MODELS))
_PAIRS: Final = ", ".join(f"'{column}', {column}" for column in _AFFINITY_COLUMNS)
_GATHERED: Final[dict[Dialect, str]] = {
    "sqlite": f"SELECT json_group_array(json_object({_PAIRS}))",
    "postgres": f"SELECT json_agg(json_build_object({_PAIRS}))",
}
_COUNTS: Final = "has_affinity AND state <> 'stopping' AND NOT is_draining"
_SET_READY: Final = ", ".join(f"ready_{model} = {{}}" for model in MODELS)

_JOB_WITH_SOUND: Final = (
    "SELECT job.*, "
    + ", ".join(f"sound.{column} AS {SOUND_PREFIX}{column}" for column in SOUND_COLUMNS)
    + " FROM job LEFT JOIN sound ON sound.job = job.job_id"
)

# Jobs that wait, that were started, and that left without being started: each from an index of its own, whose
# condition SQLite needs word for word.
STAYS: Final = f"""
    SELECT created_ms, NULL AS left_ms, 0 AS was_started FROM job
        WHERE {_WAITING}
    UNION ALL SELECT created_ms, started_ms, 1 FROM job WHERE started_ms >= {{}}
    UNION ALL SELECT created_ms, finished_ms, 0 FROM job
        WHERE status IN {literals(UNSUCCESSFUL)} AND status = 'cancelled' AND finished_ms >= {{}}
            AND started_ms IS NULL
"""


_STATE: Final = "version, next_sequence, is_paused"
_LOCK_AND_COUNT: Final = f"UPDATE queue_state SET version = version + 1 WHERE id = 1 RETURNING {_STATE}"
# SQLite's transaction is the lock itself.
_LOCK: Final[dict[Dialect, str]] = {
    "sqlite": f"SELECT {_STATE} FROM queue_state WHERE id = 1",
    "postgres": f"SELECT {_STATE} FROM queue_state WHERE id = 1 FOR UPDATE",
}


async def lock_row(database: Database, *, visible: bool) -> Row:
    """Lock the row of the queue and count a visible change. Raw: the builder's row locks raise on SQLite."""
    rows = await database.fetch(_LOCK_AND_COUNT if visible else _LOCK[database.dialect])
    return rows[0]


async def count_change(database: Database) -> None:
    """Count a change that readers see, inside a transition. Raw as part of claiming."""
    await database.fetch("UPDATE queue_state SET version = version + 1 WHERE id = 1")


async def account_counts(
    database: Database, account_ids: Collection[int], *, since_ms: int, now_ms: int
) -> list[Row]:
    """Count the jobs of accounts, active ones and those since a time. Raw as part of accepting."""
    marks = ", ".join("{}" for _ in account_ids)
    return await database.fetch(
        "SELECT id,"
        " (SELECT COUNT(*) FROM job WHERE job.account = account.id AND created_ms > {}"
        "  AND created_ms <= {}) AS in_hour,"
        " (SELECT COUNT(*) FROM job WHERE job.account = account.id"
        f" AND status IN {literals(ACTIVE)}) AS active FROM account WHERE id IN ({marks})",
        since_ms,
        now_ms + SKEW_MS,
        *account_ids,
    )


async def insert_jobs(database: Database, jobs: Sequence[Mapping[str, object]], next_sequence: int) -> None:
    """Insert accepted jobs, which name the same columns, and advance the sequence.

    Raw as part of accepting: one prepared statement for all rows, without an object for each.
    """
    columns = tuple(jobs[0])
    marks = ", ".join("{}" for _ in columns)
    await database.execute_many(
        f"INSERT INTO job ({', '.join(columns)}) VALUES ({marks})",
        [[job[column] for column in columns] for job in jobs],
    )
    await database.fetch("UPDATE queue_state SET next_sequence = {} WHERE id = 1", next_sequence)


async def active_jobs(database: Database) -> list[Row]:
    """Read the queue's state, each active job, and the workers' affinities; one row without jobs.

    Raw because it runs very often; one statement, so that version and jobs are consistent.
    """
    return await database.fetch(
        "SELECT queue_state.version, queue_state.is_paused, job.job_id, job.sequence, job.account,"
        " job.status, job.model, job.duration_s, job.tier, job.priority, job.starves_ms, job.skipped_ms,"
        " job.generation_id, job.fence, job.discarded_takes, job.is_audible, job.stream_formats,"
        " job.interruption, job.is_moved, job.variation_of, job.created_ms, job.started_ms, job.start_order,"
        " job.progress_pct,"
        f" job.prompt, job.worker_id, {_affinities(database.dialect)}"
        f" FROM queue_state LEFT JOIN job ON job.status IN {literals(ACTIVE)} WHERE queue_state.id = 1"
    )


async def positions(database: Database) -> list[Row]:
    """Read what decides queue positions, and the workers' affinities. Raw as part of accepting."""
    return await database.fetch(
        "SELECT status, sequence, priority, skipped_ms, starves_ms, model, duration_s, worker_id,"
        f" started_ms, start_order, {_affinities(database.dialect)}"
        f" FROM job WHERE status IN {literals(ACTIVE)}"
    )


async def claimant(database: Database, worker_id: str) -> Row | None:
    """Read the worker that asks for a job; None if there is nothing for it to take.

    Raw because idle workers run it with every hint: one statement that spans three tables.
    """
    rows = await database.fetch(
        "SELECT (SELECT device FROM worker WHERE worker_id = {}) AS device"
        " FROM queue_state WHERE id = 1 AND NOT is_paused"
        f" AND EXISTS (SELECT 1 FROM job WHERE {_WAITING})"
        " AND NOT EXISTS (SELECT 1 FROM worker WHERE worker_id = {} AND is_draining)",
        worker_id,
        worker_id,
    )
    return rows[0] if rows else None


async def first_waiting(database: Database, condition: str, *arguments: object) -> Row | None:
    """Find the first waiting job under one of the conditions above. Raw as part of claiming.

    The caller holds the queue lock, so the rows cannot change; SKIP LOCKED keeps a claim from waiting for
    others that may have locked one, such as an operator's own transaction.
    """
    lock = " FOR UPDATE SKIP LOCKED" if database.dialect == "postgres" else ""
    rows = await database.fetch(
        f"SELECT job_id, model, priority, sequence FROM job WHERE {condition} LIMIT 1{lock}", *arguments
    )
    return rows[0] if rows else None


async def affinity_streak(database: Database, worker_id: str) -> int:
    """Read how often a worker has preferred a job since it last loaded a model. Raw as part of claiming."""
    rows = await database.fetch("SELECT affinity_streak FROM worker WHERE worker_id = {}", worker_id)
    return int(rows[0]["affinity_streak"]) if rows else 0


async def write_affinity(
    database: Database, worker_id: str, ready: Collection[str] | None, streak: int
) -> None:
    """Write a worker's affinity. Raw as part of claiming."""
    await database.fetch(
        f"UPDATE worker SET has_affinity = {{}}, affinity_streak = {{}}, {_SET_READY} WHERE worker_id = {{}}",
        ready is not None,
        streak,
        *(model in (ready or ()) for model in MODELS),
        worker_id,
    )


async def job_with_sound(database: Database, job_id: str) -> list[Row]:
    """Read a job and its sound. Raw because it runs very often, and for the prefix of the sound's columns."""
    return await database.fetch(f"{_JOB_WITH_SOUND} WHERE job.job_id = {{}}", job_id)


async def jobs_of_account(
    database: Database,
    account_id: int,
    *,
    since_ms: int,
    statuses: Sequence[JobStatus],
    limit: int,
    offset: int,
) -> list[Row]:
    """Read a page of an account's jobs and their sounds, newest first. Raw as `job_with_sound` is."""
    among = f" AND job.status IN ({', '.join('{}' for _ in statuses)})" if statuses else ""
    return await database.fetch(
        f"{_JOB_WITH_SOUND} WHERE job.account = {{}} AND job.created_ms >= {{}}{among}"
        " ORDER BY job.created_ms DESC, job.sequence DESC LIMIT {} OFFSET {}",
        account_id,
        since_ms,
        *statuses,
        limit,
        offset,
    )


async def newest_results(database: Database, model: str, limit: int) -> list[Row]:
    """Read the newest completed jobs of a model. Raw for the wording of the partial index, in a join."""
    return await database.fetch(
        "SELECT job.duration_s, job.started_ms, job.finished_ms, job.device, sound.engine"
        " FROM job JOIN sound ON sound.job = job.job_id"
        " WHERE job.status = 'completed' AND job.model = {}"
        # Otherwise the clock was set back meanwhile, and the duration is unknown.
        " AND job.finished_ms >= job.started_ms ORDER BY job.finished_ms DESC LIMIT {}",
        model,
        limit,
    )


async def stays(database: Database, since_ms: int) -> list[Row]:
    """Read when jobs came and left since a time. Raw: the builder has no UNION."""
    return await database.fetch(STAYS, since_ms, since_ms)


def next_skip_ms(now_ms: int) -> QueryString:
    """Return a value for `skipped_ms` after all those in the queue, even if another clock was ahead.

    Raw because the builder has neither CASE nor a subquery as a value.
    """
    return QueryString(
        "(SELECT CASE WHEN MAX(skipped_ms) > {} THEN MAX(skipped_ms) + 1 ELSE {} END"
        " FROM job WHERE status = 'queued' AND skipped_ms IS NOT NULL)",
        now_ms,
        now_ms,
    )


def _affinities(dialect: Dialect) -> str:
    return f"({_GATHERED[dialect]} FROM worker WHERE {_COUNTS}) AS affinities"
