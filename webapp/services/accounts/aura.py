"""Aura: what skipping the queue is paid with, kept in a ledger that only grows."""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import InvalidRequest, NotFound
from webapp.policy.credentials import is_plain_line
from webapp.services.shared.row_ids import MAX_ROW_ID
from webapp.tables import AuraEntry

Kind = Literal["grant", "adjustment", "skip", "refund"]

MAX_BALANCE: Final = 1_000_000_000
# Only grants are held to that: what was paid comes back even to an account that was filled up meanwhile,
# or its job could not be ended.
HIGHEST_STORED: Final = 2**31 - 1
MAX_REASON_CHARACTERS: Final = 200
PAGE_SIZE: Final = 50


@dataclass(frozen=True, slots=True)
class AuraLine:
    """One line of the ledger. `amount` is negative for what was spent or taken away."""

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
    """An account whose balance is not the sum of its entries; there must never be one."""

    account_id: int
    balance: int
    entries_sum: int


class Aura:
    """Balances and their ledger. A balance changes only together with a line that says why."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def balance(self, account_id: int) -> int:
        """The balance now. Raises NotFound."""
        rows = await self._database.fetch("SELECT aura_balance FROM account WHERE id = {}", account_id)
        if not rows:
            raise NotFound("Account not found")
        balance: int = rows[0]["aura_balance"]
        return balance

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
        """Add a line and change the balance with it, in the caller's transaction if there is one.

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
        """Check and change in one statement, so that spenders at the same moment wait for each other."""
        rows = await self._database.fetch(
            "UPDATE account SET aura_balance = aura_balance + {} WHERE id = {}"
            " AND aura_balance + {} BETWEEN 0 AND {} RETURNING aura_balance",
            amount,
            account_id,
            amount,
            highest,
        )
        if not rows:
            await self.balance(account_id)
            raise InvalidRequest(
                "Insufficient Aura balance" if amount < 0 else "Aura balance is at its limit"
            )
        balance: int = rows[0]["aura_balance"]
        return balance

    async def ledger(
        self, account_id: int, *, limit: int = PAGE_SIZE, before_id: int | None = None
    ) -> list[AuraLine]:
        """An account's lines, newest first; `before_id` continues after a page's last one."""
        rows = await self._database.fetch(
            "SELECT id AS entry_id, kind, amount, balance_after, reason, job_id, author, created_ms"
            " FROM aura_entry WHERE account = {} AND id < {} ORDER BY id DESC LIMIT {}",
            account_id,
            MAX_ROW_ID if before_id is None else min(before_id, MAX_ROW_ID),
            limit,
        )
        return [AuraLine(**row) for row in rows]

    async def verify(self) -> list[AuraMismatch]:
        """The accounts whose balance is not the sum of their entries."""
        rows = await self._database.fetch(
            "SELECT account.id AS account_id, account.aura_balance AS balance,"
            " CAST(COALESCE(SUM(aura_entry.amount), 0) AS BIGINT) AS entries_sum"
            " FROM account LEFT JOIN aura_entry ON aura_entry.account = account.id"
            " GROUP BY account.id, account.aura_balance"
            " HAVING account.aura_balance <> COALESCE(SUM(aura_entry.amount), 0) ORDER BY account.id"
        )
        return [AuraMismatch(**row) for row in rows]
