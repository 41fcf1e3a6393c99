"""What admins do to the queue: exact under race, one transition each, and on record."""

import asyncio
import random

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.clock import ManualClock
from webapp.errors import InvalidRequest, LeaseLost, NotAuthorized, NotFound, ProductError
from webapp.policy.queue.job_actions import AdminAction
from webapp.services.accounts.identity import Identity
from webapp.services.admin.queue import MAX_AT_ONCE, Outcome
from webapp.services.container import Services
from webapp.services.queue.history import SPAN_MS
from webapp.services.queue.leases import Claim
from webapp.services.queue.queries import STAYS

ROUNDS = 10
ONE, OTHER = "1" * 12, "2" * 12


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account(aura=20)


@pytest.fixture
async def root(make_account: MakeAccount) -> Identity:
    return await make_account("root", is_admin=True)


async def submitted(services: Services, identity: Identity, count: int = 1) -> list[str]:
    return [(await services.queue.submissions.submit(identity, choice())).job_id for _ in range(count)]


async def line(services: Services) -> list[str]:
    return [job.job_id for job in (await services.queue.reader.snapshot()).jobs]


async def failed(services: Services, identity: Identity) -> str:
    """A job that was skipped for Aura and failed for good."""
    ahead, job_id = await submitted(services, identity, 2)
    await services.queue.jobs.skip(identity, job_id)
    await services.queue.jobs.cancel(identity, ahead)
    for _ in range(services.settings.retries + 1):
        claim = await services.queue.leases.claim(ONE)
        assert claim is not None
        await services.queue.leases.fail(claim, "no")
    assert (await services.queue.jobs.get(identity, job_id)).status == "failed"
    return job_id


async def told(services: Services) -> list[tuple[str, str, str]]:
    lines = await services.admin.audit.entries()
    return [(entry.author, entry.action, entry.subject) for entry in lines]


async def test_as_many_jobs_as_allowed_are_changed_at_once(services: Services, root: Identity) -> None:
    unknown = [f"{number:012x}" for number in range(MAX_AT_ONCE)]
    for action in ("cancel", "restore"):
        outcome = await services.admin.queue.act_on(root, action, unknown)
        assert outcome == Outcome((), dict.fromkeys(unknown, "Job not found"))


async def test_the_owners_of_many_jobs_are_named(services: Services, ann: Identity, root: Identity) -> None:
    owners = await services.admin.overview.owners(root, [ann.account_id, *range(10_000, 10_150)])
    assert owners == {ann.account_id: ann.username}


async def test_nobody_else_may(services: Services, ann: Identity) -> None:
    (job_id,) = await submitted(services, ann)
    with pytest.raises(NotAuthorized):
        await services.admin.queue.set_paused(ann, is_paused=True)
    with pytest.raises(NotAuthorized):
        await services.admin.queue.act(ann, "move", job_id)
    assert await told(services) == []


async def test_a_paused_queue_takes_jobs_and_gives_none(
    services: Services, ann: Identity, root: Identity
) -> None:
    assert await services.admin.queue.set_paused(root, is_paused=True)
    assert not await services.admin.queue.set_paused(root, is_paused=True)
    await submitted(services, ann)
    assert await services.queue.leases.claim(ONE) is None
    assert await services.admin.queue.set_paused(root, is_paused=False)
    assert await services.queue.leases.claim(ONE) is not None
    assert await told(services) == [("root", "resume", ""), ("root", "pause", "")]


async def test_a_move_goes_to_the_front_behind_who_paid_and_back(
    services: Services, ann: Identity, root: Identity, clock: ManualClock
) -> None:
    jobs = await submitted(services, ann, 4)
    await services.queue.jobs.skip(ann, jobs[3])
    clock.advance_s(1)
    await services.admin.queue.act(root, "move", jobs[2])
    assert await line(services) == [jobs[3], jobs[2], jobs[0], jobs[1]]
    assert [job.reason for job in (await services.queue.reader.snapshot()).jobs] == [
        "skipped", "moved", "tier", "tier",
    ]  # fmt: skip
    with pytest.raises(InvalidRequest, match="already skipped"):
        await services.queue.jobs.skip(ann, jobs[2])
    with pytest.raises(InvalidRequest, match="Nobody moved"):
        await services.admin.queue.act(root, "unmove", jobs[3])
    await services.admin.queue.act(root, "unmove", jobs[2])
    assert await line(services) == [jobs[3], jobs[0], jobs[1], jobs[2]]


async def test_a_cancellation_refunds_and_is_undone_at_the_old_place(
    services: Services, ann: Identity, root: Identity
) -> None:
    jobs = await submitted(services, ann, 3)
    await services.queue.jobs.skip(ann, jobs[2])
    outcome = await services.admin.queue.act_on(root, "cancel", [jobs[2], jobs[0], jobs[0]])
    assert outcome == Outcome((jobs[2], jobs[0]), {})
    assert await services.accounts.aura.balance(ann.account_id) == 20
    await services.admin.queue.act_on(root, "restore", [jobs[0], jobs[2]])
    assert await line(services) == [jobs[2], jobs[0], jobs[1]]
    # It was given its place; paying once more for the same job is not possible.
    await services.admin.queue.act(root, "unmove", jobs[2])
    with pytest.raises(InvalidRequest, match="already skipped"):
        await services.queue.jobs.skip(ann, jobs[2])
    assert await services.accounts.aura.balance(ann.account_id) == 20
    assert await services.accounts.aura.verify() == []


async def test_what_its_owner_cancelled_stays_cancelled(
    services: Services, ann: Identity, root: Identity
) -> None:
    (job_id,) = await submitted(services, ann)
    await services.queue.jobs.cancel(root, job_id)
    await services.admin.queue.act(root, "restore", job_id)
    await services.queue.jobs.cancel(ann, job_id)
    with pytest.raises(InvalidRequest, match="an admin cancelled"):
        await services.admin.queue.act(root, "restore", job_id)
    assert [action for _, action, _ in await told(services)] == ["restore", "cancel"]


async def test_a_job_that_is_stopped_fails_at_once_and_its_worker_writes_no_more(
    services: Services, ann: Identity, root: Identity
) -> None:
    (job_id,) = await submitted(services, ann)
    claim = await services.queue.leases.claim(ONE)
    assert claim is not None
    await services.admin.queue.act(root, "stop", job_id)
    job = await services.queue.jobs.get(ann, job_id)
    assert (job.status, job.error) == ("failed", "An admin stopped this job")
    assert (await services.queue.leases.keep(ONE, [claim])).held == set()
    with pytest.raises(LeaseLost):
        await services.queue.leases.complete(claim, FACTS)


async def test_a_failed_job_goes_back_in_line_with_all_its_retries(
    services: Services, ann: Identity, root: Identity, clock: ManualClock
) -> None:
    job_id = await failed(services, ann)
    clock.advance_s(3600)
    await services.admin.queue.act(root, "retry", job_id)
    job = (await services.queue.reader.snapshot()).jobs[0]
    # An hour out of line is no waiting; the place that was paid for is a present now.
    assert (job.job_id, job.reason) == (job_id, "moved")
    claim = await services.queue.leases.claim(OTHER)
    assert claim is not None
    assert await services.queue.leases.fail(claim, "no")
    claim = await services.queue.leases.claim(OTHER)
    assert claim is not None
    await services.queue.leases.complete(claim, FACTS)
    assert (await services.queue.jobs.get(ann, job_id)).status == "completed"
    assert await services.accounts.aura.balance(ann.account_id) == 20


async def test_time_out_of_line_is_no_waiting(
    services: Services, make_account: MakeAccount, root: Identity, clock: ManualClock
) -> None:
    bob = await make_account("bob", tier="free")
    jobs = await submitted(services, bob, 2)
    await services.admin.queue.act(root, "cancel", jobs[0])
    clock.advance_s(29 * 60)
    await services.admin.queue.act(root, "restore", jobs[0])
    clock.advance_s(2 * 60)
    reasons = {job.job_id: job.reason for job in (await services.queue.reader.snapshot()).jobs}
    assert reasons == {jobs[0]: "tier", jobs[1]: "starving"}


async def test_a_full_queue_takes_back_what_it_has_room_for(
    services: Services, ann: Identity, root: Identity, make_account: MakeAccount
) -> None:
    jobs = await submitted(services, ann, 3)
    await services.admin.queue.act_on(root, "cancel", jobs)
    others = [await make_account(f"other{number}") for number in range(5)]
    for other in others:
        await submitted(services, other, 20 if other is not others[-1] else 18)
    outcome = await services.admin.queue.act_on(root, "restore", jobs)
    assert outcome == Outcome(tuple(jobs[:2]), {jobs[2]: "Queue is full"})


async def test_what_cannot_be_done_is_said_for_each_and_the_rest_is_done(
    services: Services, ann: Identity, root: Identity
) -> None:
    jobs = await submitted(services, ann, 2)
    await services.queue.leases.claim(ONE)
    outcome = await services.admin.queue.act_on(root, "cancel", [*jobs, "f" * 12, "not an id\x00"])
    assert outcome.done == (jobs[1],)
    assert outcome.refused == {
        jobs[0]: "Cannot cancel a job that is already processing",
        "f" * 12: "Job not found",
        "not an id\x00": "Job not found",
    }
    assert await told(services) == [("root", "cancel", jobs[1])]
    with pytest.raises(NotFound):
        await services.admin.queue.act(root, "cancel", "f" * 12)
    with pytest.raises(InvalidRequest):
        await services.admin.queue.act_on(root, "cancel", map(str, range(MAX_AT_ONCE + 1)))
    assert await services.admin.queue.act_on(root, "cancel", []) == Outcome((), {})


async def test_every_action_at_once_with_claims_takes_each_job_once(
    services: Services, ann: Identity, root: Identity
) -> None:
    async def cancel(jobs: list[str], *, looks: int) -> Outcome:
        """After so many looks at the queue: claims look before they take, so they would come late."""
        for _ in range(looks):
            await services.queue.reader.change_counter()
        return await services.admin.queue.act_on(root, "cancel", jobs)

    winners = set()
    for seed in range(ROUNDS):
        jobs = await submitted(services, ann, 2)
        works = {
            "cancel": cancel(jobs, looks=seed % 5),
            "owner": services.queue.jobs.cancel(ann, jobs[0]),
            "move": services.admin.queue.act_on(root, "move", jobs[1:]),
            "one": services.queue.leases.claim(ONE),
            "other": services.queue.leases.claim(OTHER),
        }
        names = list(works)
        random.Random(seed).shuffle(names)
        outcomes = await asyncio.gather(*(works[name] for name in names), return_exceptions=True)
        found = dict(zip(names, outcomes, strict=True))
        assert all(not isinstance(it, BaseException) or isinstance(it, ProductError) for it in outcomes)
        claims = [found[name] for name in ("one", "other") if isinstance(found[name], Claim)]
        cancelled = found["cancel"]
        assert isinstance(cancelled, Outcome)
        ends = [*cancelled.done, *(claim.job_id for claim in claims if isinstance(claim, Claim))]
        ends += [jobs[0]] if found["owner"] is None else []
        assert sorted(ends) == sorted(jobs)
        winners |= {"cancel"} if cancelled.done else {"claim"}
        for claim in claims:
            assert isinstance(claim, Claim)
            await services.queue.leases.complete(claim, FACTS)
    assert winners == {"cancel", "claim"}, "the rounds have shown both"


@pytest.mark.parametrize("action", ["stop", "retry"])
async def test_a_stop_or_retry_in_a_race_is_made_once(
    services: Services, ann: Identity, root: Identity, action: AdminAction
) -> None:
    for _ in range(ROUNDS // 2):
        if action == "stop":
            await submitted(services, ann)
            claim = await services.queue.leases.claim(ONE)
            assert claim is not None
            job_id = claim.job_id
            rivals = [services.queue.leases.complete(claim, FACTS)]
        else:
            job_id = await failed(services, ann)
            rivals = []
        acts = [services.admin.queue.act_on(root, action, [job_id]) for _ in range(3)]
        outcomes = await asyncio.gather(*acts, *rivals, return_exceptions=True)
        done = sum(bool(it.done) for it in outcomes if isinstance(it, Outcome))
        if action == "stop":
            completed = (await services.queue.jobs.get(ann, job_id)).status == "completed"
            assert done + completed == 1
        else:
            assert done == 1
            await services.admin.queue.act(root, "cancel", job_id)


async def test_the_last_hour(services: Services, ann: Identity, root: Identity, clock: ManualClock) -> None:
    clock.advance_s((SPAN_MS - clock.now_ms() % SPAN_MS) / 1000)
    jobs = await submitted(services, ann, 3)
    clock.advance_s(60)
    claim = await services.queue.leases.claim(ONE)
    assert claim is not None
    await services.queue.leases.complete(claim, FACTS)
    clock.advance_s(100)
    await services.admin.queue.act(root, "cancel", jobs[1])
    clock.advance_s(6)
    spans = await services.queue.history.last_hour()
    assert len(spans) == 30
    assert [(span.waiting, span.started, span.median_wait_s) for span in spans[-2:]] == [
        (3, 1, 60.0), (2, 0, None),
    ]  # fmt: skip
    assert spans[0].waiting == 0
    # Within five seconds it is not read again.
    assert await services.queue.history.last_hour() is spans


async def test_the_last_hour_is_read_from_indexes(services: Services) -> None:
    database = services.database
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    async with database.transaction():
        if database.dialect == "postgres":
            await database.fetch("SET LOCAL enable_seqscan = off")
        plan = str(await database.fetch(f"{explain} {STAYS.replace('{}', '1')}"))
    assert "job_started" in plan
    assert "job_gone" in plan
    assert "SCAN job'" not in plan
