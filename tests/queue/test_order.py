"""The claim in SQL and the shown places must equal the pure order."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import MakeAccount, choice
from tests.policy.lines import NOW_MS, affinities, lines
from webapp.clock import ManualClock
from webapp.errors import SettingsError
from webapp.policy.generation import MODELS
from webapp.policy.queue.ordering import INDIFFERENT, Affinity, WaitingJob, next_job
from webapp.policy.queue.waiting_jobs import in_order
from webapp.services.container import Services
from webapp.services.queue.queries import FIRST_IN_QUEUE, FIRST_OF_MODEL, FIRST_OF_MODEL_IN_QUEUE
from webapp.services.workers.abilities import written_models
from webapp.tables import Job, Worker

EXAMPLES = 60
# PostgreSQL takes so many parameters in one statement, and no more.
ROWS_AT_ONCE = 500

T = TypeVar("T")


async def _drawn(strategy: st.SearchStrategy[T]) -> list[T]:
    """Examples of a strategy, for tests that run on the event loop."""
    examples: list[T] = []

    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(strategy)
    def draw(example: T) -> None:
        examples.append(example)

    await asyncio.to_thread(draw)
    assert len(examples) >= EXAMPLES // 2
    return examples


async def _fill(services: Services, account_id: int, line: Sequence[WaitingJob]) -> None:
    async with services.database.transaction(durable=False):
        await services.database.fetch("DELETE FROM job")
        rows = [
            Job(
                job_id=_id(job),
                sequence=job.sequence,
                account=account_id,
                generation_id=f"{job.sequence:020x}",
                created_ms=NOW_MS,
                prompt="p",
                model=job.model,
                duration_s=job.duration_s,
                seed=1,
                tier="free",
                priority=job.priority,
                skipped_ms=job.skipped_ms,
                starves_ms=job.starves_ms,
            )
            for job in line
        ]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            await Job.insert(*rows[start : start + ROWS_AT_ONCE])


async def _register(services: Services, workers: Sequence[Affinity]) -> list[str]:
    worker_ids = [f"{number:012x}" for number in range(len(workers))]
    async with services.database.transaction(durable=False):
        await services.database.fetch("DELETE FROM worker")
        for worker_id, worker in zip(worker_ids, workers, strict=True):
            row = Worker(
                worker_id=worker_id, host="h", pid=1, device="cpu", started_ms=0, heartbeat_ms=NOW_MS,
                has_affinity=worker.ready is not None, affinity_streak=worker.streak,
                makes=written_models(worker.makes),
            )  # fmt: skip
            for model in worker.ready or ():
                setattr(row, f"ready_{model}", True)
            await Worker.insert(row)
    return worker_ids


def _id(job: WaitingJob) -> str:
    return f"{job.sequence:012x}"


async def test_claims_and_shown_places_equal_the_pure_order(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account()
    clock.advance_s((NOW_MS - clock.now_ms()) / 1000)
    limit = services.settings.affinity_limit
    workers = st.lists(affinities().map(lambda drawn: replace(drawn, limit=limit)), max_size=3)
    for line, states in await _drawn(st.tuples(lines(), workers)):
        await _fill(services, ann.account_id, line)
        worker_ids = await _register(services, states)
        told = [
            state for state in states if state.ready is not None or written_models(state.makes) is not None
        ]
        shown = [job.job_id for job in (await services.queue.reader.snapshot()).jobs]
        assert shown == [_id(job) for job in in_order(line, NOW_MS, told)]
        await _claim_all(
            services, line, dict(zip(worker_ids, states, strict=True)) or {"w" * 12: INDIFFERENT}
        )


async def _claim_all(services: Services, line: list[WaitingJob], workers: dict[str, Affinity]) -> None:
    """Let the workers claim in turn, and hold each claim against the pure function."""
    remaining, found_nothing = list(line), 0
    for worker_id in cycle(workers):
        worker = workers[worker_id]
        claim = await services.queue.leases.claim(worker_id, worker.ready, makes=worker.makes)
        expected = next_job(remaining, NOW_MS, worker)
        if expected is None:
            assert claim is None
            found_nothing += 1
            if found_nothing == len(workers):
                return
            continue
        found_nothing = 0
        job, workers[worker_id] = expected
        assert claim is not None
        assert claim.job_id == _id(job)
        remaining.remove(job)


async def test_an_accepted_job_is_told_the_place_that_is_shown(
    services: Services, make_account: MakeAccount
) -> None:
    ann = await make_account()
    await _register(services, [Affinity(frozenset(("music",)))])
    for model in ("audio", "music", "audio", "music", "music", "music"):
        quoted = await services.queue.submissions.quote(ann, model, 8)
        submitted = await services.queue.submissions.submit(ann, choice(model=model))
        shown = (await services.queue.reader.snapshot()).find(submitted.job_id)
        assert shown is not None
        assert shown.position == submitted.position == quoted.position
    models = [job.model for job in (await services.queue.reader.snapshot()).jobs]
    assert models == ["music", "music", "music", "audio", "audio", "music"]


async def test_a_worker_that_is_stopping_has_no_say_in_the_order(
    services: Services, make_account: MakeAccount
) -> None:
    ann = await make_account()
    (worker_id,) = await _register(services, [Affinity(frozenset(("music",)))])
    for model in ("audio", "music"):
        await services.queue.submissions.submit(ann, choice(model=model))
    await services.workers.registry.record_report(worker_id, "stopping", {})
    assert [job.model for job in (await services.queue.reader.snapshot()).jobs] == ["audio", "music"]


async def test_the_claim_reads_its_indexes_in_order(services: Services) -> None:
    database = services.database
    explain = "EXPLAIN QUERY PLAN" if database.dialect == "sqlite" else "EXPLAIN"
    indexes = (
        "job_queued_skipped", "job_queued_starving", "job_queued_tier", "job_queued_model",
        "job_queued_skipped_model", "job_queued_starving_model", "job_queued_model",
    )  # fmt: skip
    conditions = (*FIRST_IN_QUEUE.values(), FIRST_OF_MODEL, *FIRST_OF_MODEL_IN_QUEUE.values())
    for condition, index in zip(conditions, indexes, strict=True):
        async with database.transaction():
            if database.dialect == "postgres":
                # An empty table is rightly read whole; the question is whether the index could serve.
                await database.fetch("SET LOCAL enable_seqscan = off")
                await database.fetch("SET LOCAL enable_bitmapscan = off")
            filled = condition.replace("model = {}", "model = 'music'").replace("{}", "1")
            plan = await database.fetch(f"{explain} SELECT job_id FROM job WHERE {filled} LIMIT 1")
        assert re.search(rf"{index}\b", str(plan))
        assert "TEMP B-TREE" not in str(plan)
        assert "Sort" not in str(plan)


async def test_a_claim_asks_no_more_of_a_long_line(
    services: Services, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does any of its statements read more: see the test above; `make bench-claim` has the times."""
    ann, fetch = await make_account(), services.database.fetch
    asked: list[str] = []

    async def counted(sql: str, *arguments: object) -> list[dict[str, object]]:
        asked.append(sql)
        return await fetch(sql, *arguments)

    monkeypatch.setattr(services.database, "fetch", counted)
    statements = []
    for length in (3, 800):
        line = [WaitingJob(number, number % 5, model=MODELS[number % 3]) for number in range(1, length + 1)]
        await _fill(services, ann.account_id, line)
        (worker_id,) = await _register(services, [Affinity(frozenset(("music",)))])
        asked.clear()
        assert await services.queue.leases.claim(worker_id, ("music",))
        statements.append(list(asked))
    assert statements[0] == statements[1]
    assert all("LIMIT 1" in sql for sql in statements[1] if "FROM job WHERE" in sql and "EXISTS" not in sql)


@pytest.mark.parametrize("worker_id", ["gpu:0", "worker-7f9c4d5b6-x2x9q.gpu_0:" + "z" * 30])
async def test_a_worker_may_have_any_name_that_the_door_lets_in(
    services: Services, make_account: MakeAccount, worker_id: str
) -> None:
    ann = await make_account(tier="creator")
    jobs = [
        await services.queue.submissions.submit(ann, choice(model=model))
        for model in ("audio", "music", "music")
    ]
    await services.workers.registry.register(worker_id, host="h", pid=1, device="cuda:0")
    claim = await services.queue.leases.claim(worker_id, ["music"])
    assert claim is not None
    assert claim.job_id == jobs[1].job_id
    assert [job.job_id for job in (await services.queue.reader.snapshot()).jobs] == [
        jobs[number].job_id for number in (1, 2, 0)
    ]


@pytest.mark.parametrize("worker_id", ["", "gpu 0", "a;b", "a/b", ":0", "../a", "\u96e8", "x" * 65, "a\n"])
async def test_what_is_no_name_of_a_worker_is_refused_at_the_door(services: Services, worker_id: str) -> None:
    with pytest.raises(SettingsError, match="A worker's name must be"):
        await services.workers.registry.register(worker_id, host="h", pid=1, device="cpu")
