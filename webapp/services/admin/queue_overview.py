"""What admins see of the queue beside its jobs: whose they are, and which left it without a sound."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from webapp.database import Database, Row, literals
from webapp.policy.job_status import UNSUCCESSFUL, UnsuccessfulStatus
from webapp.services.accounts.identity import Identity, require_admin

MOST_GONE: Final = 100


@dataclass(frozen=True, slots=True)
class GoneJob:
    """A job that failed or was cancelled. `can_return` says that an admin may put it back in line."""

    job_id: str
    account_id: int
    owner: str
    status: UnsuccessfulStatus
    model: str
    duration_s: float
    tier: str
    created_ms: int
    finished_ms: int
    prompt: str
    error: str | None
    can_return: bool


class QueueOverview:
    """Reads for admins only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owners(self, identity: Identity, account_ids: Iterable[int]) -> dict[int, str]:
        """The usernames of accounts by their ids. Raises NotAuthorized."""
        require_admin(identity)
        wanted = sorted(set(account_ids))
        if not wanted:
            return {}
        places = ", ".join("{}" for _ in wanted)
        rows = await self._database.fetch(f"SELECT id, username FROM account WHERE id IN ({places})", *wanted)
        return {row["id"]: row["username"] for row in rows}

    async def gone(self, identity: Identity, status: UnsuccessfulStatus) -> list[GoneJob]:
        """The jobs that came to this end, the newest hundred, newest first. Raises NotAuthorized."""
        require_admin(identity)
        rows = await self._database.fetch(
            "SELECT job.job_id, job.account AS account_id, account.username AS owner, job.status, job.model,"
            " job.duration_s, job.tier, job.created_ms, job.finished_ms, job.prompt, job.error,"
            " (SELECT action FROM admin_action WHERE subject = job.job_id AND action IN ('cancel', 'restore')"
            " ORDER BY id DESC LIMIT 1) AS last_ruling"
            " FROM job JOIN account ON account.id = job.account"
            f" WHERE job.status IN {literals(UNSUCCESSFUL)} AND job.status = {{}}"
            " ORDER BY job.finished_ms DESC LIMIT {}",
            status,
            MOST_GONE,
        )
        return [_gone(row) for row in rows]


def _gone(row: Row) -> GoneJob:
    last_ruling = row.pop("last_ruling")
    return GoneJob(**row, can_return=row["status"] == "failed" or last_ruling == "cancel")
