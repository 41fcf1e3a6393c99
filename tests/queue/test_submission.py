"""Accepting jobs: limits that hold exactly, in the order that the rules give."""

import asyncio
import contextvars

import pytest

from tests.factories import MakeAccount, choice
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import (
    AuthenticationRequired,
    InvalidRequest,
    LimitReached,
    ProductError,
    QueueFull,
    StorageFull,
)
from webapp.policy.accounts.tiers import tier_table
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.submissions import Submitted
from webapp.services.shared.idempotency import Once
from webapp.settings import Settings


async def _submit_at_once(
    services: Services, identity: Identity, times: int
) -> tuple[list[Submitted], list[ProductError]]:
    results = await asyncio.gather(
        *(services.queue.submissions.submit(identity, choice()) for _ in range(times)), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ProductError):
            raise result
    accepted = [result for result in results if isinstance(result, Submitted)]
    return accepted, [result for result in results if isinstance(result, ProductError)]


async def _rows(services: Services) -> int:
    return int((await services.database.fetch("SELECT COUNT(*) AS n FROM job"))[0]["n"])


async def test_positions_are_dense_in_order_of_arrival(services: Services, make_account: MakeAccount) -> None:
    ann = await make_account()
    positions = [(await services.queue.submissions.submit(ann, choice())).position for _ in range(3)]
    assert positions == [1, 2, 3]
    snapshot = await services.queue.reader.snapshot()
    assert [job.position for job in snapshot.jobs] == [1, 2, 3]


async def test_a_better_tier_is_placed_before_others(services: Services, make_account: MakeAccount) -> None:
    free, admin = await make_account("free", tier="free"), await make_account("root", is_admin=True)
    await services.queue.submissions.submit(free, choice())
    submitted = await services.queue.submissions.submit(admin, choice())
    assert (submitted.position, submitted.priority) == (1, "admin")
    assert [job.priority for job in (await services.queue.reader.snapshot()).jobs] == ["admin", "free"]


@pytest.mark.parametrize("tier", ["free", "supporter", "creator"])
async def test_jobs_at_once_is_exact_under_concurrency(
    services: Services, make_account: MakeAccount, tier: str
) -> None:
    ann = await make_account(tier=tier)
    limit = tier_table(services.settings)[tier].at_once
    accepted, refused = await _submit_at_once(services, ann, limit + 10)
    assert len(accepted) == limit == await _rows(services)
    assert {error.message for error in refused} == {f"Too many jobs waiting; your tier allows {limit}"}


async def test_hourly_limit_counts_cancelled_jobs_and_says_when_to_return(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="free")
    for _ in range(3):
        submitted = await services.queue.submissions.submit(ann, choice())
        await services.queue.jobs.cancel(ann, submitted.job_id)
        clock.advance_s(60)
    with pytest.raises(LimitReached, match="Rate limit exceeded") as refusal:
        await services.queue.submissions.submit(ann, choice())
    assert refusal.value.retry_after_s == 3600 - 180
    clock.advance_s(3600 - 180)
    assert (await services.queue.submissions.submit(ann, choice())).position == 1


class TestSmallQueue:
    """With room for few jobs."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, queue_limit=5)

    async def test_the_queue_limit_is_exact_over_all_accounts(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        accounts = [await make_account(f"user{number}", tier="premium") for number in range(4)]
        results = await asyncio.gather(*(_submit_at_once(services, account, 4) for account in accounts))
        assert sum(len(accepted) for accepted, _ in results) == 5 == await _rows(services)
        assert all(isinstance(error, QueueFull) for _, refused in results for error in refused)

    async def test_processing_jobs_count_as_well(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account()
        await _submit_at_once(services, ann, 5)
        assert await services.queue.leases.claim("w" * 12)
        with pytest.raises(QueueFull):
            await services.queue.submissions.submit(ann, choice())


class TestTogether:
    """Requests that arrive at the same time share a transaction, and nothing else."""

    async def test_each_is_answered_for_itself(self, services: Services, make_account: MakeAccount) -> None:
        free, creator = await make_account("free", tier="free"), await make_account("creator")
        gone = Identity(10**6, "gone", "creator", is_admin=False)
        submit = services.queue.submissions.submit
        results = await asyncio.gather(
            submit(free, choice()),
            submit(gone, choice()),
            submit(free, choice()),
            submit(creator, choice()),
            submit(free, choice()),
            submit(free, choice(duration_s=31)),
            return_exceptions=True,
        )
        refused = {number: result for number, result in enumerate(results) if isinstance(result, Exception)}
        assert {number: type(error) for number, error in refused.items()} == {
            1: AuthenticationRequired,
            4: LimitReached,
            5: InvalidRequest,
        }
        assert [result.position for result in results if isinstance(result, Submitted)] == [1, 2, 1]
        queued = [job.job_id for job in (await services.queue.reader.snapshot()).jobs]
        places = {
            result.job_id: queued.index(result.job_id) for result in results if isinstance(result, Submitted)
        }
        assert list(places.values()) == [1, 2, 0]

    async def test_they_share_a_commit(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account()
        before = (await services.queue.reader.snapshot()).version
        accepted, _ = await _submit_at_once(services, ann, 12)
        assert [one.position for one in accepted] == list(range(1, 13))
        assert (await services.queue.reader.snapshot()).version - before <= 2

    async def test_refusals_alone_commit_nothing(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account(tier="free")
        await _submit_at_once(services, ann, 2)
        before = (await services.queue.reader.snapshot()).version
        assert not (await _submit_at_once(services, ann, 5))[0]
        assert (await services.queue.reader.snapshot()).version == before

    async def test_one_that_goes_wrong_takes_no_other_with_it(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        submit = services.queue.submissions.submit
        results = await asyncio.gather(
            submit(ann, choice("first")),
            submit(ann, choice("bad"), once=_Broken(services)),
            submit(ann, choice("last")),
            return_exceptions=True,
        )
        assert isinstance(results[1], ZeroDivisionError)
        rows = await services.database.fetch("SELECT job_id, prompt FROM job ORDER BY sequence")
        assert [row["prompt"] for row in rows] == ["first", "last"]
        assert [row["job_id"] for row in rows] == [
            result.job_id for result in results if isinstance(result, Submitted)
        ]

    async def test_one_who_leaves_before_its_turn_leaves_no_job(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        async with services.database.transaction():
            # Nobody is written while somebody else writes.
            await services.database.fetch("UPDATE queue_state SET version = version + 1")
            first = _submitting(services, ann, "first")
            await asyncio.sleep(0)
            leaving, staying = _submitting(services, ann, "leaving"), _submitting(services, ann, "staying")
            await asyncio.sleep(0)
            leaving.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(first, staying)
        assert leaving.cancelled()
        rows = await services.database.fetch("SELECT prompt FROM job ORDER BY sequence")
        assert [row["prompt"] for row in rows] == ["first", "staying"]

    async def test_one_who_leaves_in_the_middle_takes_no_other_with_it(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        gate = _Gate()
        leaving = asyncio.create_task(services.queue.submissions.submit(ann, choice("leaving"), once=gate))
        staying = asyncio.create_task(services.queue.submissions.submit(ann, choice("staying")))
        await gate.reached.wait()
        leaving.cancel()
        gate.opened.set()
        assert (await staying).position == 2, "what has begun is carried to its end"
        with pytest.raises(asyncio.CancelledError):
            await leaving

    async def test_a_job_is_committed_before_it_is_answered(
        self, services: Services, other_database: Database, make_account: MakeAccount
    ) -> None:
        ann = await make_account()

        async def submit_and_look() -> int:
            job_id = (await services.queue.submissions.submit(ann, choice())).job_id
            return len(await other_database.fetch("SELECT 1 AS one FROM job WHERE job_id = {}", job_id))

        assert await asyncio.gather(*(submit_and_look() for _ in range(20))) == [1] * 20

    async def test_its_transaction_survives_power_loss(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        witness = _Witness(services)
        async with services.database.transaction(durable=False):
            pass
        await services.queue.submissions.submit(ann, choice(), once=witness)
        assert witness.seen == ("2" if services.database.dialect == "sqlite" else "on"), "2 is FULL"

    async def test_not_inside_a_transaction(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account()
        with pytest.raises(RuntimeError, match="transaction of its own"):
            async with services.database.transaction():
                await services.queue.submissions.submit(ann, choice())


class _Broken(Once[Submitted]):
    """A key whose answer cannot be kept, found out after something was written."""

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def first_answer(self) -> None:
        return None

    async def keep(self, answer: Submitted) -> None:
        await self._database.fetch("UPDATE queue_state SET next_sequence = 1000000 WHERE id = 1")
        raise ZeroDivisionError


class _Witness(Once[Submitted]):
    """A key that looks at the transaction that it is kept in."""

    def __init__(self, services: Services) -> None:
        self._database = services.database
        self.seen = ""

    async def first_answer(self) -> None:
        return None

    async def keep(self, answer: Submitted) -> None:
        sql = "PRAGMA synchronous" if self._database.dialect == "sqlite" else "SHOW synchronous_commit"
        ((value,),) = [row.values() for row in await self._database.fetch(sql)]
        self.seen = str(value)


class _Gate(Once[Submitted]):
    """A key that holds its request up in the middle of the transaction."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self._asked_before = False

    async def first_answer(self) -> None:
        if self._asked_before:
            self.reached.set()
            await self.opened.wait()
        self._asked_before = True

    async def keep(self, answer: Submitted) -> None:
        """Nothing to keep."""


def _submitting(services: Services, identity: Identity, prompt: str) -> asyncio.Task[Submitted]:
    """A submission on its way, in a context that is in no transaction."""
    submission = services.queue.submissions.submit(identity, choice(prompt))
    return asyncio.get_running_loop().create_task(submission, context=contextvars.Context())


async def test_the_tiers_longest_clip_is_checked_first(services: Services, make_account: MakeAccount) -> None:
    ann = await make_account(tier="free")
    await _submit_at_once(services, ann, 2)
    with pytest.raises(InvalidRequest, match="Duration exceeds your tier limit"):
        await services.queue.submissions.submit(ann, choice(duration_s=30.1))
    with pytest.raises(LimitReached, match="Too many jobs waiting"):
        await services.queue.submissions.submit(ann, choice(duration_s=30))


class TestFullDisk:
    """With less room on the disk than is to be kept free."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=10**9)

    async def test_new_jobs_are_refused(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account()
        with pytest.raises(StorageFull, match="disk is almost full"):
            await services.queue.submissions.submit(ann, choice())
        assert await _rows(services) == 0


async def test_a_quote_foretells_the_place(services: Services, make_account: MakeAccount) -> None:
    free, creator = await make_account("free", tier="free"), await make_account("creator")
    await services.queue.submissions.submit(free, choice())
    quote = await services.queue.submissions.quote(creator, "music", 30)
    assert (quote.position, quote.skip_cost, quote.jobs_left_this_hour, quote.at_once_left) == (1, 3, 60, 20)
    assert quote.expected_wait_s is None, "without a worker nothing can be said"
    assert (
        await services.queue.submissions.submit(creator, choice(duration_s=30))
    ).position == quote.position
