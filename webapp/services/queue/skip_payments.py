"""Charges for skips, and refunds them."""

from webapp.database import Database
from webapp.errors import InvalidRequest
from webapp.services.accounts.aura import Aura
from webapp.tables import AuraEntry


class SkipPayments:
    """Charges and refunds skips, within the caller's transaction."""

    def __init__(self, database: Database, aura: Aura) -> None:
        self._database = database
        self._aura = aura

    async def charge(self, account_id: int, job_id: str, cost: int) -> int:
        """Take the price from the account; return its new balance.

        Raises InvalidRequest if the balance is too low, and for a job that was skipped before, refunded or
        not.
        """
        if await AuraEntry.exists().where(AuraEntry.job_id == job_id):
            raise InvalidRequest("Job already skipped", code="job_already_skipped")
        return await self._aura.entry(account_id, "skip", -cost, reason="Skipped the queue", job_id=job_id)

    async def refund(self, job_id: str, reason: str) -> None:
        """Refund what was paid for a job, once; do nothing if nothing was paid."""
        rows = await AuraEntry.select(AuraEntry.kind, AuraEntry.account, AuraEntry.amount).where(
            AuraEntry.job_id == job_id
        )
        if [row["kind"] for row in rows] == ["skip"]:
            await self._aura.entry(
                rows[0]["account"], "refund", -rows[0]["amount"], reason=reason, job_id=job_id
            )
