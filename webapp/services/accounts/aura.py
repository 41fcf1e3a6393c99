"""Aura, the currency that pays for skipping the queue, and its append-only ledger."""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import InvalidRequest, NotFound
from webapp.policy.accounts.credentials import is_plain_line
from webapp.services.accounts.queries import balance_mismatches
from webapp.services.shared.row_ids import MAX_ROW_ID
from webapp.tables import Account, AuraEntry

Kind = Literal["grant", "adjustment", "skip", "refund"]

MAX_BALANCE: Final = 1_000_000_000
# MAX_BALANCE limits grants only: a refund must succeed even if the account was filled up meanwhile, or its
# job could not end.
HIGHEST_STORED: Final = 2**31 - 1
MAX_REASON_CHARACTERS: Final = 200
PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry of the ledger. `amount` is negative for Aura that was spent or taken away."""

    entry_id: int
    kind: Kind
    amount: int
    balance_after: int
    reason: str
    job_id: str | None
    author: str | None
    created_ms: int


@dataclass(frozen=True, slots=True)
class AuraMismatch:
    """An account whose balance is not the sum of its entries; there should never be one."""

    account_id: int
    balance: int
    entries_sum: int


class Aura:
    """Balances and their ledger. A balance changes only together with an entry that says why."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def balance(self, account_id: int) -> int:
        """Return the current balance. Raises NotFound."""
        row = await Account.select(Account.aura_balance).where(Account.id == account_id).first()
        if row is None:
            raise NotFound("Account not found")
        return int(row["aura_balance"])

    async def grant(self, account_id: int, amount: int, *, reason: str, author: str) -> int:
        """Give Aura, or take it away with a negative amount; returns the new balance.

        Raises InvalidRequest for an amount of 0, a missing reason, or more than the account has.
        """
        if amount == 0 or abs(amount) > MAX_BALANCE:
            raise InvalidRequest(
                f"Amount must be 1 to {MAX_BALANCE:,} Aura, or as much below zero", field="amount"
            )
        reason = reason.strip()
        if not reason or len(reason) > MAX_REASON_CHARACTERS or not is_plain_line(reason):
            raise InvalidRequest(
                f"A reason is required: one line of at most {MAX_REASON_CHARACTERS} characters",
                field="reason",
            )
        return await self.entry(
            account_id, "grant" if amount > 0 else "adjustment", amount, reason=reason, author=author
        )

    async def entry(
        self,
        account_id: int,
        kind: Kind,
        amount: int,
        *,
        reason: str,
        job_id: str | None = None,
        author: str | None = None,
    ) -> int:
        """Add an entry and change the balance with it, in the caller's transaction if there is one.

        Returns the new balance. Raises InvalidRequest when it would be negative or too large, and
        NotFound when there is no such account.
        """
        async with self._database.transaction():
            balance = await self._change_balance(
                account_id, amount, MAX_BALANCE if kind == "grant" else HIGHEST_STORED
            )
            await AuraEntry.insert(
                AuraEntry(
                    account=account_id,
                    kind=kind,
                    amount=amount,
                    balance_after=balance,
                    reason=reason,
                    job_id=job_id,
                    author=author,
                    created_ms=self._clock.now_ms(),
                )
            )
        return balance

    async def _change_balance(self, account_id: int, amount: int, highest: int) -> int:
        """Check and change the balance in one statement, so that concurrent changes are serialised."""
        rows = await (
            Account.update({Account.aura_balance: Account.aura_balance + amount})
            .where(
                (Account.id == account_id)
                & (Account.aura_balance >= -amount)
                & (Account.aura_balance <= min(highest - amount, HIGHEST_STORED))
            )
            .returning(Account.aura_balance)
        )
        if not rows:
            await self.balance(account_id)
            if amount < 0:
                raise InvalidRequest("Insufficient Aura balance", code="insufficient_aura")
            raise InvalidRequest("Aura balance is at its limit")
        balance: int = rows[0]["aura_balance"]
        return balance

    async def ledger(
        self, account_id: int, *, limit: int = PAGE_SIZE, before_id: int | None = None
    ) -> list[LedgerEntry]:
        """Return an account's entries, newest first; `before_id` continues after a page's last one."""
        last_id = MAX_ROW_ID if before_id is None else min(before_id, MAX_ROW_ID)
        rows = await (
            AuraEntry.select(
                AuraEntry.id.as_alias("entry_id"),
                AuraEntry.kind,
                AuraEntry.amount,
                AuraEntry.balance_after,
                AuraEntry.reason,
                AuraEntry.job_id,
                AuraEntry.author,
                AuraEntry.created_ms,
            )
            .where((AuraEntry.account == account_id) & (AuraEntry.id < last_id))
            .order_by(AuraEntry.id, ascending=False)
            .limit(limit)
        )
        return [LedgerEntry(**row) for row in rows]

    async def verify(self) -> list[AuraMismatch]:
        """Return the accounts whose balance is not the sum of their entries."""
        return [AuraMismatch(**row) for row in await balance_mismatches(self._database)]
