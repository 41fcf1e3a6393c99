"""Everything at once: whatever comes together, exactly one wins and the others learn it."""

import asyncio
import random
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.clock import ManualClock
from webapp.errors import LeaseLost, ProductError
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.jobs import SkipReceipt
from webapp.services.queue.leases import Claim

ROUNDS = 12
ONE, OTHER = "1" * 12, "2" * 12


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account(aura=100)


async def _at_once(seed: int, **works: Awaitable[Any]) -> dict[str, Any]:
    """The outcome of each, started in an order of chance; only the product's own errors are outcomes."""
    names = list(works)
    random.Random(seed).shuffle(names)
    outcomes = await asyncio.gather(*(works[name] for name in names), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ProductError | LeaseLost):
            raise outcome
    return dict(zip(names, outcomes, strict=True))


async def test_cancel_skip_and_two_claims(
    services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    # A user's cancellation is counted first, so it comes late; an admin's is not, and may come early.
    root = await make_account("root", is_admin=True)
    winners = set()
    for seed in range(ROUNDS):
        job_id = (await services.queue.submissions.submit(ann, choice())).job_id
        before = await services.accounts.aura.balance(ann.account_id)
        told = await _at_once(
            seed,
            cancel=services.queue.jobs.cancel((ann, root)[seed % 2], job_id),
            skip=services.queue.jobs.skip(ann, job_id),
            one=services.queue.leases.claim(ONE),
            other=services.queue.leases.claim(OTHER),
        )
        claims = [told[name] for name in ("one", "other") if isinstance(told[name], Claim)]
        is_cancelled = told["cancel"] is None
        assert len(claims) + is_cancelled == 1
        job = await services.queue.jobs.get(ann, job_id)
        assert job.status == ("cancelled" if is_cancelled else "processing")
        is_paid = isinstance(told["skip"], SkipReceipt) and not is_cancelled
        assert await services.accounts.aura.balance(ann.account_id) == before - (
            job.skip_cost if is_paid else 0
        )
        winners.add("cancel" if is_cancelled else "claim")
        for claim in claims:
            await services.queue.leases.complete(claim, FACTS)
    assert winners == {"cancel", "claim"}, "the rounds have shown both"
    assert await services.accounts.aura.verify() == []


async def test_every_way_to_end_an_attempt(services: Services, ann: Identity, clock: ManualClock) -> None:
    expected = {"complete": "completed", "fail": "queued", "hand_back": "queued", "crash": "queued"}
    winners = set()
    for seed in range(2 * ROUNDS):
        job_id = (await services.queue.submissions.submit(ann, choice())).job_id
        claim = await services.queue.leases.claim(ONE)
        assert claim is not None
        told = await _at_once(
            seed,
            complete=services.queue.leases.complete(claim, FACTS),
            fail=services.queue.leases.fail(claim, "no"),
            hand_back=services.queue.leases.hand_back(claim),
            crash=services.queue.leases.take_back_from(ONE),
        )
        won = [name for name, outcome in told.items() if not isinstance(outcome, LeaseLost) and outcome != []]
        assert len(won) == 1
        winners.add(won[0])
        assert (await services.queue.jobs.get(ann, job_id)).status == expected[won[0]]
        sounds = await services.database.fetch("SELECT 1 AS one FROM sound WHERE job = {}", job_id)
        assert len(sounds) == (won == ["complete"])
        if won != ["complete"]:
            await services.queue.jobs.cancel(ann, job_id)
        clock.advance_s(600)
    assert len(winners) > 1


async def test_a_lease_that_lapses_is_taken_back_once_and_its_result_refused(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    for seed in range(ROUNDS):
        job_id = (await services.queue.submissions.submit(ann, choice())).job_id
        claim = await services.queue.leases.claim(ONE)
        assert claim is not None
        clock.advance_s(services.settings.lease_s + 0.001)
        told = await _at_once(
            seed,
            sweep=services.queue.leases.take_back_lapsed(),
            other_sweep=services.queue.leases.take_back_lapsed(),
            complete=services.queue.leases.complete(claim, FACTS),
            keep=services.queue.leases.keep(ONE, [claim]),
            claim=services.queue.leases.claim(OTHER),
        )
        assert isinstance(told["complete"], LeaseLost)
        assert told["keep"].held == set()
        assert sorted((told["sweep"], told["other_sweep"])) == [[], [job_id]]
        again = told["claim"] or await services.queue.leases.claim(OTHER)
        assert isinstance(again, Claim)
        assert (again.job_id, again.fence) == (job_id, claim.fence + 1)
        await services.queue.leases.complete(again, FACTS)
        clock.advance_s(600)


async def test_a_skipped_job_that_fails_and_is_taken_back_at_once_is_refunded_once(
    services: Services, ann: Identity
) -> None:
    for seed in range(ROUNDS):
        ahead, job_id = [(await services.queue.submissions.submit(ann, choice())).job_id for _ in range(2)]
        await services.queue.jobs.skip(ann, job_id)
        await services.queue.jobs.cancel(ann, ahead)
        async with services.database.transaction():
            await services.database.fetch(
                "UPDATE job SET retry_count = 2, lost_workers = 9 WHERE job_id = {}", job_id
            )
        claim = await services.queue.leases.claim(ONE)
        assert claim is not None
        told = await _at_once(
            seed,
            fail=services.queue.leases.fail(claim, "no"),
            crash=services.queue.leases.take_back_from(ONE),
            cancel=services.queue.jobs.cancel(ann, job_id),
        )
        assert (told["fail"] is False) != (told["crash"] == [job_id])
        assert (await services.queue.jobs.get(ann, job_id)).status == "failed"
        assert await services.accounts.aura.balance(ann.account_id) == 100
    assert await services.accounts.aura.verify() == []
