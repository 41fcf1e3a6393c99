"""No statement of the queue reads all jobs that ever were."""

import re
from collections.abc import Sequence

import pytest

from tests.factories import FACTS, MakeAccount, choice, report_progress
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.web.housekeeping import repair

WORKER = "1" * 12
# The indexes of the jobs in the queue may be read whole, and the last jobs in the order of their sequence.
PARTIAL = "job_active|job_processing|job_queued_skipped|job_queued_starving|job_queued_tier"
ALLOWED = rf"(?! USING (COVERING )?INDEX ({PARTIAL}|sqlite_autoindex_job_2)\b)"
SCANNED = re.compile(rf"SCAN (job|sound|library_item|account|aura_entry)\b{ALLOWED}")


async def test_no_statement_of_the_queue_scans_what_grows(
    services: Services, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = services.database.engine
    if not isinstance(engine, PersistentSQLiteEngine):
        pytest.skip("PostgreSQL scans tables that are small")
    ran: dict[str, Sequence[object]] = {}
    run = engine.run

    async def noted(_engine: PersistentSQLiteEngine, sql: str, args: Sequence[object]) -> object:
        ran[sql] = args
        return await run(sql, args)

    root, ann = await make_account("root", is_admin=True), await make_account("ann", aura=20)
    monkeypatch.setattr(PersistentSQLiteEngine, "run", noted)
    await _a_day(services, root, ann)
    monkeypatch.undo()
    plans = {sql: await _plan(engine, sql, args) for sql, args in ran.items() if _is_planned(sql)}
    assert len(plans) > 40
    assert [f"{sql}: {plan}" for sql, plan in plans.items() if SCANNED.search(plan)] == []


async def _a_day(services: Services, root: Identity, ann: Identity) -> None:
    """Do everything that is done with every job, every second or every page of the queue."""
    queue = services.queue
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    jobs = [(await queue.submissions.submit(ann, choice())).job_id for _ in range(5)]
    await queue.jobs.skip(ann, jobs[2])
    await services.admin.queue.act(root, "move", jobs[4])
    claims = [await queue.leases.claim(WORKER, ready=["music"]) for _ in range(4)]
    one, two, three, four = (claim for claim in claims if claim)
    await queue.leases.keep(WORKER, [one, two, three], {})
    await report_progress(services, one, 10)
    await queue.leases.complete(one, FACTS)
    await queue.leases.fail(two, "no")
    await queue.leases.hand_back(three)
    await queue.jobs.stop(ann, four.job_id)
    await queue.jobs.cancel(ann, three.job_id)
    await queue.leases.take_back_lapsed()
    await queue.leases.take_back_from(WORKER)
    await queue.leases.held_storage_keys()
    await queue.clock_steps.settle()
    await queue.reader.snapshot()
    await queue.history.last_hour()
    await queue.estimator.outlook()
    await queue.jobs.of_account(ann.account_id)
    await queue.jobs.count_of_account(ann.account_id)
    await services.accounts.usage.of(ann.account_id, ann.tier)
    await services.workers.status.report()
    await services.workers.registry.forget_silent()
    await services.admin.overview.gone(root, "failed")
    await services.library.browse.counts()
    await repair(services)


def _is_planned(sql: str) -> bool:
    return sql.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH"))


async def _plan(engine: PersistentSQLiteEngine, sql: str, args: Sequence[object]) -> str:
    rows = await engine.writer.execute(f"EXPLAIN QUERY PLAN {sql}", args)
    return "\n".join(row["detail"] for row in rows)
