"""The lease protocol, for every table whose rows workers carry out.

A claim is a lease with an expiry and a fencing number. Every write of a worker proves that its lease still
holds and raises LeaseLost when it does not: a worker whose lease has lapsed can write no result.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from piccolo.columns import Column
from piccolo.columns.combination import WhereRaw
from piccolo.custom_types import Combinable

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import LeaseLost
from webapp.policy.moments import latest_lease_ms
from webapp.policy.queue.job_status import JobStatus
from webapp.services.shared import queries
from webapp.services.shared.lease_queries import Kept, LeaseColumns, keep_leases
from webapp.settings import Settings
from webapp.tables import Job, SpeechRequest

Values = dict[Column | str, Any]

# In the words of the partial indexes, which SQLite does not use for a parameter.
IN_HAND: Final = WhereRaw("status = 'processing'")


def storage_key(generation_id: str, fence: int) -> str:
    """Name the folder of a claim's files; another claim of the same row has another folder."""
    return f"{generation_id}-{fence}"


class Lease(Protocol):
    """A worker's proof that it holds a row: the row's key, the worker and the fencing number."""

    @property
    def key(self) -> str: ...
    @property
    def worker_id(self) -> str: ...
    @property
    def fence(self) -> int: ...


@dataclass(frozen=True, slots=True)
class LeasedTable:
    """Describes a table of leased rows. `on_requeue` holds what else changes when a row waits again.

    `progress` is the column for how far a row is, where that is recorded.
    """

    table: type[Job] | type[SpeechRequest]
    on_requeue: Values = field(default_factory=dict)
    progress: Column | None = None

    @property
    def key(self) -> Column:
        return self.table._meta.primary_key


class LeaseStore:
    """Claims, renews, ends and takes back the rows of one table.

    Nothing here but `keep`, which stands alone, opens a transaction: callers decide what belongs to it and
    what is published after it.
    """

    def __init__(self, database: Database, clock: Clock, settings: Settings, leased: LeasedTable) -> None:
        self._database = database
        self._clock = clock
        self._lease_ms = round(settings.lease_s * 1000)
        self._leased = leased
        self._table = leased.table
        self._key = leased.key
        self._columns = LeaseColumns(
            table=self._table._meta.tablename,
            key=self._key._meta.name,
            progress=leased.progress._meta.name if leased.progress is not None else None,
        )

    async def claim(self, key: str, worker_id: str, now_ms: int, **also: object) -> Row | None:
        """Give a waiting row to a worker; None when the worker is to take no more.

        `also` holds further columns to set. The caller has locked the row.
        """
        return await queries.claim_row(
            self._database,
            self._table._meta.tablename,
            self._key._meta.name,
            key,
            {"worker_id": worker_id, "lease_expires_ms": now_ms + self._lease_ms, **also},
        )

    async def keep(
        self, worker_id: str, leases: Iterable[Lease], progress_pct: Mapping[str, int] | None = None
    ) -> Kept:
        """Record the worker's heartbeat, renew these leases and record how far those rows are, by their keys.

        It waits for no lock: what others are about to change is learned by the next call. Only what the
        worker says it works on is renewed. A row that it was given without learning of it, because the
        connection broke as the claim was written, waits again once its lease has lapsed.
        """
        now_ms = self._clock.now_ms()
        return await keep_leases(
            self._database,
            self._columns,
            worker_id,
            [(lease.key, lease.fence, (progress_pct or {}).get(lease.key, 0)) for lease in leases],
            now_ms=now_ms,
            expires_ms=now_ms + self._lease_ms,
        )

    async def write(self, lease: Lease, values: Values) -> None:
        """Change the row only if the lease still holds it. Raises LeaseLost."""
        if not await self._write(lease, values, self._clock.now_ms()):
            raise LeaseLost(lease.key)

    async def end(self, lease: Lease, status: JobStatus, values: Values) -> None:
        """End the row in this state, with further values. Raises LeaseLost."""
        await self.write(lease, {**self.ended(status, self._clock.now_ms()), **values})

    async def requeue(self, lease: Lease, values: Values | None = None) -> None:
        """Let another worker have the row. Raises LeaseLost."""
        await self.write(lease, {**self._requeued(), **(values or {})})

    def ended(self, status: JobStatus, now_ms: int) -> Values:
        """Return the values of a row that has ended."""
        return {**self._released(status), self._table.finished_ms: now_ms}

    def lapsed(self) -> Combinable:
        """Match rows whose lease has lapsed."""
        now_ms = self._clock.now_ms()
        # One that ends further ahead than it can was taken before the clock was set back.
        expires_ms = self._table.lease_expires_ms
        return (expires_ms < now_ms) | (expires_ms > self.latest_expiry_ms(now_ms))

    def latest_expiry_ms(self, now_ms: int) -> int:
        """Return the latest time at which a lease that is taken now, by any process, can expire."""
        return latest_lease_ms(now_ms, self._lease_ms)

    def of_worker(self, worker_id: str) -> Combinable:
        """Match the rows of one worker."""
        return self._table.worker_id == worker_id

    async def take_back(
        self,
        which: Combinable,
        *,
        transaction: Callable[[], AbstractAsyncContextManager[object]],
        lost_workers_limit: int,
        give_up: Callable[[str, int], Awaitable[object]],
    ) -> list[str]:
        """Let others have the matching rows in hand; returns their keys.

        A row that has stopped too many workers may be what stops them: it goes to `give_up`, with their
        number, in the same transaction. A look beforehand saves the transaction where there is none.
        """
        held = IN_HAND & which
        if not await self._table.select(self._key).where(held).limit(1):
            return []
        lost_workers = self._table.lost_workers
        async with transaction():
            rows = await (
                self._table.update({**self._requeued(), lost_workers: lost_workers + 1})
                .where(held)
                .returning(self._key, lost_workers)
            )
            for row in rows:
                if row["lost_workers"] >= lost_workers_limit:
                    await give_up(row[self._key._meta.name], row["lost_workers"])
        return [row[self._key._meta.name] for row in rows]

    async def held_storage_keys(self) -> set[str]:
        """Return where rows in hand may be about to put their files."""
        rows = await self._table.select(self._table.generation_id, self._table.fence).where(IN_HAND)
        return {storage_key(row["generation_id"], row["fence"]) for row in rows}

    async def _write(self, lease: Lease, values: Values, now_ms: int) -> bool:
        table = self._table
        held = (
            (self._key == lease.key)
            & (table.status == "processing")
            & (table.worker_id == lease.worker_id)
            & (table.fence == lease.fence)
            & (table.lease_expires_ms >= now_ms)
        )
        return bool(await table.update(values).where(held).returning(self._key))

    def _requeued(self) -> Values:
        return {**self._released("queued"), **self._leased.on_requeue}

    def _released(self, status: JobStatus) -> Values:
        return {self._table.status: status, self._table.worker_id: None, self._table.lease_expires_ms: None}
