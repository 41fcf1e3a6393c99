"""Variations: several jobs for one request, accepted together or not at all."""

import asyncio

import pytest

from tests.factories import MakeAccount, choice
from webapp.errors import LimitReached, QueueFull
from webapp.services.container import Services
from webapp.tables import Job


async def test_variations_differ_in_their_seed_and_are_accepted_together(
    services: Services, make_account: MakeAccount
) -> None:
    ann = await make_account(tier="premium")
    first = await services.queue.submissions.submit(ann, choice(seed=2**63 - 1), takes=3)
    jobs = await services.queue.jobs.of_account(ann.account_id)
    assert sorted((job.position, job.seed) for job in jobs) == [(1, 2**63 - 1), (2, 0), (3, 1)]
    assert (first.job_id, first.position) == (jobs[-1].job_id, 1)
    await services.queue.submissions.submit(ann, choice(), takes=2)
    drawn = {job.seed for job in await services.queue.jobs.of_account(ann.account_id)}
    assert len(drawn) == 5


async def test_variations_are_of_one_request_whatever_is_accepted_beside_it(
    services: Services, make_account: MakeAccount
) -> None:
    ann = await make_account(tier="premium")
    asked = (services.queue.submissions.submit(ann, choice(), takes=takes) for takes in (1, 3, 1, 2))
    await asyncio.gather(*asked)
    jobs = await services.queue.jobs.of_account(ann.account_id)
    assert sorted(job.variation for job in jobs) == ["", "", "A", "A", "B", "B", "C"]
    of_three = {job.variation_of for job in jobs if job.variation == "C"}
    assert sorted(job.variation for job in jobs if job.variation_of in of_three) == ["A", "B", "C"]


async def test_of_too_many_variations_none_is_accepted(services: Services, make_account: MakeAccount) -> None:
    ann = await make_account(tier="premium")
    await services.queue.submissions.submit(ann, choice(), takes=8)
    with pytest.raises(LimitReached, match="your tier allows 10"):
        await services.queue.submissions.submit(ann, choice(), takes=3)
    assert await Job.count() == 8
    await services.queue.submissions.submit(ann, choice(), takes=2)
    for number in range(4):
        creator = await make_account(f"creator-{number}", tier="creator")
        await services.queue.submissions.submit(creator, choice(), takes=20)
    late = await make_account("late", tier="creator")
    await services.queue.submissions.submit(late, choice(), takes=9)
    with pytest.raises(QueueFull):
        await services.queue.submissions.submit(late, choice(), takes=2)
    assert await Job.count() == 99
