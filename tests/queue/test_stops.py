"""Stopping a job that is being made."""

import pytest

from tests.factories import FACTS, MakeAccount, choice, report_progress
from webapp.errors import InvalidRequest, LeaseLost, LimitReached, NotAuthorized, NotFound
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.settings import Settings

WORKER = "1" * 12


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account(aura=10)


async def started(services: Services, identity: Identity) -> Claim:
    await services.queue.submissions.submit(identity, choice())
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    return claim


async def test_it_ends_at_once_and_its_worker_writes_no_more(services: Services, ann: Identity) -> None:
    claim = await started(services, ann)
    await report_progress(services, claim, 40)
    await services.queue.jobs.stop(ann, claim.job_id)
    job = await services.queue.jobs.get(ann, claim.job_id)
    assert (job.status, job.position, job.sound, job.error) == ("cancelled", None, None, None)
    assert (await services.queue.reader.snapshot()).jobs == ()
    assert (await services.queue.leases.keep(WORKER, [claim])).held == set()
    for write in (
        report_progress(services, claim, 50),
        services.queue.leases.complete(claim, FACTS),
    ):
        with pytest.raises(LeaseLost):
            await write


async def test_what_was_paid_to_skip_comes_back_once(services: Services, ann: Identity) -> None:
    for _ in range(2):
        await services.queue.submissions.submit(ann, choice())
    job_id = (await services.queue.reader.snapshot()).jobs[1].job_id
    await services.queue.jobs.skip(ann, job_id)
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    assert claim.job_id == job_id
    await services.queue.jobs.stop(ann, job_id)
    with pytest.raises(InvalidRequest, match="Job is not in queue"):
        await services.queue.jobs.stop(ann, job_id)
    assert await services.accounts.aura.balance(ann.account_id) == 10
    assert await services.accounts.aura.verify() == []


async def test_only_ones_own_and_only_while_it_is_made(
    services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    bob = await make_account("bob")
    claim = await started(services, ann)
    waiting = (await services.queue.submissions.submit(ann, choice())).job_id
    with pytest.raises(NotAuthorized, match="Not authorized to stop this job"):
        await services.queue.jobs.stop(bob, claim.job_id)
    with pytest.raises(InvalidRequest, match="cancel it instead"):
        await services.queue.jobs.stop(ann, waiting)
    for unknown in ("0" * 12, "no\0id"):
        with pytest.raises(NotFound):
            await services.queue.jobs.stop(ann, unknown)
    assert (await services.queue.jobs.get(ann, claim.job_id)).status == "processing"


async def test_an_admin_s_stop_tells_the_owner_and_can_be_retried(
    services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    root = await make_account("root", is_admin=True)
    claim = await started(services, ann)
    await services.queue.jobs.stop(root, claim.job_id)
    job = await services.queue.jobs.get(ann, claim.job_id)
    assert (job.status, job.error) == ("failed", "An admin stopped this job")
    await services.queue.jobs.retry(ann, claim.job_id)
    (line,) = await services.admin.audit.entries()
    assert (line.author, line.action) == ("root", "stop")


async def test_it_is_no_wait_in_the_history(services: Services, ann: Identity) -> None:
    claim = await started(services, ann)
    await services.queue.jobs.stop(ann, claim.job_id)
    assert sum(span.started for span in await services.queue.history.last_hour()) == 1
    assert max(span.waiting for span in await services.queue.history.last_hour()) == 0


class TestLimit:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, cancel_hourly=2)

    async def test_stops_count_with_cancellations(self, services: Services, ann: Identity) -> None:
        await services.queue.jobs.cancel(ann, (await services.queue.submissions.submit(ann, choice())).job_id)
        await services.queue.jobs.stop(ann, (await started(services, ann)).job_id)
        with pytest.raises(LimitReached):
            await services.queue.jobs.stop(ann, (await started(services, ann)).job_id)
