"""The admins' view of the queue: the owners of jobs, and the jobs that ended without a sound."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from webapp.database import Database, Row
from webapp.policy.queue.job_status import UnsuccessfulStatus
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.admin.queries import ended_jobs
from webapp.services.queue.rows import variation_letter
from webapp.services.shared.queries import any_of
from webapp.tables import Account

MOST_GONE: Final = 100


@dataclass(frozen=True, slots=True)
class GoneJob:
    """A job that failed or was cancelled. `can_return` means that an admin may put it back in the queue."""

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
    variation: str = ""


class QueueOverview:
    """Reads the queue for admins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owners(self, identity: Identity, account_ids: Iterable[int]) -> dict[int, str]:
        """Return the usernames of accounts by their ids. Raises NotAuthorized."""
        require_admin(identity)
        wanted = sorted(set(account_ids))
        if not wanted:
            return {}
        rows = await Account.select(Account.id, Account.username).where(Account.id.is_in(any_of(wanted)))
        return {row["id"]: row["username"] for row in rows}

    async def gone(self, identity: Identity, status: UnsuccessfulStatus) -> list[GoneJob]:
        """Return the newest hundred jobs with this status, newest first. Raises NotAuthorized."""
        require_admin(identity)
        return [_gone(row) for row in await ended_jobs(self._database, status, MOST_GONE)]


def _gone(row: Row) -> GoneJob:
    variation, last_action = variation_letter(row), row["last_action"]
    facts = {name: row[name] for name in row.keys() - {"last_action", "sequence", "variation_of"}}
    can_return = row["status"] == "failed" or last_action == "cancel"
    return GoneJob(**facts, can_return=can_return, variation=variation)
