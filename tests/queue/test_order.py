"""The order of the line: the pure function, and the claim in SQL that must equal it."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import MakeAccount
from webapp.clock import ManualClock
from webapp.policy.ordering import WaitingJob, in_order, order_key, reason_for_place
from webapp.services.container import Services
from webapp.services.leases import NEXT_IN_LINE
from webapp.tables import Job

NOW_MS = 1_700_000_000_000
NEAR = st.integers(NOW_MS - 5, NOW_MS + 5)


@st.composite
def lines(draw: st.DrawFn) -> list[WaitingJob]:
    """Waiting jobs with times that collide often."""
    count = draw(st.integers(0, 8))
    sequences = draw(st.permutations(range(1, count + 1)))
    return [
        WaitingJob(
            sequence=sequence,
            priority=draw(st.integers(0, 4)),
            skipped_ms=draw(st.none() | NEAR),
            starves_ms=draw(st.none() | NEAR),
        )
        for sequence in sequences
    ]


@given(lines())
def test_the_order_is_total_and_does_not_depend_on_how_jobs_are_listed(line: list[WaitingJob]) -> None:
    keys = [order_key(job, NOW_MS) for job in line]
    assert len(set(keys)) == len(keys)
    assert in_order(line, NOW_MS) == in_order(reversed(line), NOW_MS)


@given(lines())
def test_skips_go_first_oldest_first(line: list[WaitingJob]) -> None:
    ordered = in_order(line, NOW_MS)
    skipped = [job for job in ordered if job.skipped_ms is not None]
    assert ordered[: len(skipped)] == skipped
    assert [job.skipped_ms for job in skipped] == sorted(job.skipped_ms or 0 for job in skipped)


@given(lines())
def test_a_starving_job_is_overtaken_only_by_skips_and_jobs_further_past_their_limit(
    line: list[WaitingJob],
) -> None:
    ordered = in_order(line, NOW_MS)
    for place, job in enumerate(ordered):
        if job.skipped_ms is None and job.starves_ms is not None and job.starves_ms <= NOW_MS:
            for ahead in ordered[:place]:
                assert ahead.skipped_ms is not None or (ahead.starves_ms or 0) <= job.starves_ms


@given(lines())
def test_within_a_tier_first_come_first_served(line: list[WaitingJob]) -> None:
    plain = [job for job in in_order(line, NOW_MS) if reason_for_place(job, NOW_MS) == "tier"]
    assert plain == sorted(plain, key=lambda job: (job.priority, job.sequence))


@given(lines(), st.integers(0, 7))
def test_taking_a_job_out_leaves_the_others_in_order(line: list[WaitingJob], gone: int) -> None:
    ordered = in_order(line, NOW_MS)
    rest = [job for job in ordered if job.sequence != gone]
    assert in_order(rest, NOW_MS) == rest


async def _fill(services: Services, account_id: int, line: list[WaitingJob]) -> None:
    async with services.database.transaction(durable=False):
        await services.database.fetch("DELETE FROM job")
        for job in line:
            await Job.insert(
                Job(
                    job_id=f"{job.sequence:012x}",
                    sequence=job.sequence,
                    account=account_id,
                    generation_id=f"{job.sequence:020x}",
                    created_ms=NOW_MS,
                    prompt="p",
                    model="music",
                    duration_s=1.0,
                    seed=1,
                    tier="free",
                    priority=job.priority,
                    skipped_ms=job.skipped_ms,
                    starves_ms=job.starves_ms,
                )
            )


@pytest.mark.parametrize("examples", [60])
async def test_claims_and_shown_places_equal_the_pure_order(
    services: Services, make_account: MakeAccount, clock: ManualClock, examples: int
) -> None:
    ann = await make_account()
    clock.advance_s((NOW_MS - clock.now_ms()) / 1000)
    drawn: list[list[WaitingJob]] = []

    @settings(max_examples=examples, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(lines())
    def draw(line: list[WaitingJob]) -> None:
        drawn.append(line)

    await asyncio.to_thread(draw)
    assert len(drawn) >= examples // 2
    for line in drawn:
        await _fill(services, ann.account_id, line)
        expected = [f"{job.sequence:012x}" for job in in_order(line, NOW_MS)]
        assert [job.job_id for job in (await services.queue.snapshot()).jobs] == expected
        claimed = []
        while claim := await services.leases.claim("w" * 12):
            claimed.append(claim.job_id)
        assert claimed == expected


async def test_the_claim_reads_its_indexes_in_order(services: Services) -> None:
    database = services.database
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    for condition, index in zip(
        NEXT_IN_LINE, ("job_queued_skipped", "job_queued_starving", "job_queued_tier"), strict=True
    ):
        async with database.transaction():
            if database.dialect == "postgres":
                # An empty table is rightly read whole; the question is whether the index could serve.
                await database.fetch("SET LOCAL enable_seqscan = off")
                await database.fetch("SET LOCAL enable_bitmapscan = off")
            plan = await database.fetch(
                f"{explain} SELECT job_id FROM job WHERE {condition.replace('{}', '1')} LIMIT 1"
            )
        assert index in str(plan)
        assert "TEMP B-TREE" not in str(plan)
        assert "Sort" not in str(plan)
