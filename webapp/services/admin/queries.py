"""Raw statements for admins, which Piccolo's query builder cannot express."""

from typing import Final

from piccolo.columns.combination import WhereRaw

from webapp.database import Database, Row, literals
from webapp.policy.queue.job_status import UNSUCCESSFUL

# Raw because of the subquery in its columns, and because the literal states are what SQLite's partial index
# `job_gone` asks for.
_ENDED_JOBS: Final = (
    "SELECT job.job_id, job.account AS account_id, account.username AS owner, job.status, job.model,"
    " job.duration_s, job.tier, job.created_ms, job.finished_ms, job.prompt, job.error,"
    " job.sequence, job.variation_of,"
    " (SELECT action FROM admin_action WHERE subject = job.job_id AND action IN ('cancel', 'restore')"
    " ORDER BY id DESC LIMIT 1) AS last_action"
    " FROM job JOIN account ON account.id = job.account"
    f" WHERE job.status IN {literals(UNSUCCESSFUL)} AND job.status = {{}}"
    " ORDER BY job.finished_ms DESC LIMIT {}"
)


def username_like(pattern: str) -> WhereRaw:
    """Match usernames against a LIKE pattern that escapes with `!`; the builder has no ESCAPE clause."""
    return WhereRaw("username_key LIKE {} ESCAPE '!'", pattern)


async def ended_jobs(database: Database, status: str, limit: int) -> list[Row]:
    """Return the newest jobs that failed or were cancelled, with the last admin action on each."""
    return await database.fetch(_ENDED_JOBS, status, limit)
