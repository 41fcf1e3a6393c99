"""A clock that is set back, or forth and back again: nothing that was stored holds anybody up."""

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.clock import ManualClock
from webapp.errors import LimitReached
from webapp.policy.queue.history import Stay, spans
from webapp.services.accounts.sessions import LIFETIME_MS
from webapp.services.container import Services
from webapp.services.shared.idempotency import LIFETIME_MS as KEY_LIFETIME_MS

HOUR_S = 3_600.0
WORKER = "1" * 12
OTHER = "2" * 12


async def _claimed(services: Services, make_account: MakeAccount) -> str:
    ann = await make_account(tier="creator")
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    return job_id


async def test_a_dead_workers_job_is_back_at_once(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    job_id = await _claimed(services, make_account)
    clock.advance_s(-HOUR_S)
    assert await services.queue.leases.take_back_lapsed() == [job_id]
    await services.workers.registry.register(OTHER, host="h", pid=2, device="cpu")
    again = await services.queue.leases.claim(OTHER)
    assert again is not None
    await services.queue.leases.complete(again, FACTS)


async def test_a_small_difference_between_clocks_takes_no_job(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    await _claimed(services, make_account)
    clock.advance_s(-services.settings.lease_s / 2)
    assert await services.queue.leases.take_back_lapsed() == []


async def test_a_living_worker_that_is_asked_first_keeps_its_job(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="creator")
    await services.queue.submissions.submit(ann, choice())
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    clock.advance_s(-HOUR_S)
    assert (await services.queue.leases.keep(WORKER, [claim])).held == {(claim.job_id, claim.fence)}
    assert await services.queue.leases.take_back_lapsed() == []
    await services.queue.leases.complete(claim, FACTS)


async def test_a_job_can_be_cancelled_once_its_dead_worker_is_noticed(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="creator")
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    assert await services.queue.leases.claim(WORKER) is not None
    clock.advance_s(-HOUR_S)
    await services.queue.leases.take_back_lapsed()
    await services.queue.jobs.cancel(ann, job_id)
    assert (await services.queue.jobs.get(ann, job_id)).status == "cancelled"


@pytest.mark.parametrize("step_s", [-HOUR_S, -86_400 * 365.0])
async def test_workers_from_the_future_are_not_there(
    services: Services, clock: ManualClock, step_s: float
) -> None:
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    clock.advance_s(step_s)
    assert await services.workers.registry.alive() == []
    assert await services.workers.registry.on_duty() == []
    await services.workers.registry.record_report(WORKER, "idle", {})
    assert [worker.worker_id for worker in await services.workers.registry.alive()] == [WORKER]
    clock.advance_s(step_s)
    await services.workers.registry.forget_silent()
    assert await services.workers.registry.last_heartbeat_ms(WORKER) is None


async def test_windows_hold_nobody_longer_than_they_are_long(services: Services, clock: ManualClock) -> None:
    clock.advance_s(HOUR_S)
    await services.shared.rate_limits.hit("b", 1, 60, "Too often")
    clock.advance_s(-HOUR_S)
    assert (await services.shared.rate_limits.usage("b", 1, 60)).remaining == 1
    await services.shared.rate_limits.hit("b", 1, 60, "Too often")
    with pytest.raises(LimitReached) as refusal:
        await services.shared.rate_limits.hit("b", 1, 60, "Too often")
    assert refusal.value.retry_after_s == 60
    clock.advance_s(60)
    await services.shared.rate_limits.hit("b", 1, 60, "Too often")


async def test_the_hourly_limit_counts_no_job_from_the_future(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="free")
    for _ in range(services.settings.free_hourly):
        job_id = (await services.queue.submissions.submit(ann, choice())).job_id
        await services.queue.jobs.cancel(ann, job_id)
    with pytest.raises(LimitReached):
        await services.queue.submissions.submit(ann, choice())
    clock.advance_s(-HOUR_S)
    usage = await services.accounts.usage.of(ann.account_id, ann.tier)
    assert (usage.hourly.used, usage.hour_resets_s) == (0, 0)
    await services.queue.submissions.submit(ann, choice())


async def test_a_waiting_job_starves_when_its_tier_says(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann, bob = await make_account(tier="free"), await make_account("bob", tier="creator")
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    assert not await services.queue.clock_steps.settle()
    clock.advance_s(-HOUR_S)
    assert await services.queue.clock_steps.settle()
    assert not await services.queue.clock_steps.settle()
    clock.advance_s(services.settings.free_starves_after_s)
    await services.queue.submissions.submit(bob, choice())
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    assert claim.job_id == job_id


async def test_a_skip_stands_behind_those_before_it(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="creator")
    await services.accounts.aura.grant(ann.account_id, 100, reason="test", author="test")
    first, second = [(await services.queue.submissions.submit(ann, choice())).job_id for _ in range(2)]
    await services.queue.jobs.skip(ann, second)
    clock.advance_s(-HOUR_S)
    await services.queue.jobs.skip(ann, first)
    assert [job.job_id for job in (await services.queue.reader.snapshot()).jobs] == [second, first]


async def test_a_session_outlives_an_hour_but_not_a_year(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account()
    secret = await services.accounts.sessions.create(ann.account_id)
    clock.advance_s(-HOUR_S)
    signed_in = await services.accounts.sessions.resolve(secret)
    assert signed_in is not None
    # Used, so it ends as if it had been opened by this clock.
    assert signed_in.expires_ms == clock.now_ms() + LIFETIME_MS
    clock.advance_s(-365 * 86_400)
    assert await services.accounts.sessions.resolve(secret) is None
    assert await services.accounts.sessions.list(ann.account_id) == ()


async def test_a_repeated_request_is_known_again_for_a_day_at_most(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account()
    once = services.shared.idempotency.once(ann.account_id, "k", b"request", str)
    async with services.database.transaction():
        await once.keep("first")
    clock.advance_s(-HOUR_S)
    assert await once.first_answer() == "first"
    clock.advance_s(-KEY_LIFETIME_MS / 1000)
    assert await once.first_answer() is None
    async with services.database.transaction():
        await once.keep("second")
    assert await once.first_answer() == "second"


async def test_an_end_before_its_beginning_teaches_nothing(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="creator")
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    await services.queue.submissions.submit(ann, choice())
    claim = await services.queue.leases.claim(WORKER)
    assert claim is not None
    clock.advance_s(-HOUR_S)
    await services.queue.leases.keep(WORKER, [claim])
    await services.queue.leases.complete(claim, FACTS)
    outlook = await services.queue.estimator.outlook()
    assert outlook.work_ms("music", 8.0) != 1


def test_charts_show_no_less_than_nothing() -> None:
    stays = [Stay(900_000, 300_000, was_started=True), Stay(9_000_000, None, was_started=False)]
    told = spans(stays, until_ms=600_000, span_ms=60_000, count=10)
    assert all(span.waiting >= 0 for span in told)
    assert told[-1].waiting == 1
    assert max(span.longest_wait_s or 0 for span in told) == 0
