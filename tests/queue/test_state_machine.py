"""The real services, driven at random through everything that can happen to a queue.

After every step the database must be what a plain model of the rules says. `make test-long` takes ten
thousand steps and more.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.factories import FACTS, choice, report_progress
from tests.queue.admin_steps import AdminSteps
from tests.queue.queue_model import ACTIVE, ModelJob, ModelWorker, QueueModel
from tests.queue.queue_world import AURA, World
from webapp.errors import LeaseLost, ProductError
from webapp.policy.accounts.tiers import tier_table
from webapp.policy.generation import MODELS
from webapp.policy.queue.ordering import Affinity
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import HOUR_MS
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.settings import Settings

pytestmark = [pytest.mark.share, pytest.mark.slow]

logger = logging.getLogger(__name__)

STEPS_PER_RUN = 50
STEPS = int(os.environ.get("STATE_MACHINE_STEPS", "1000"))
WORKERS = ("1" * 12, "2" * 12, "3" * 12)
PICK = st.integers(0, 10**6)

T = TypeVar("T")


class QueueMachine(AdminSteps):
    """Users, admins, workers, crashes and time."""

    @initialize()
    def begin(self) -> None:
        self.accounts = self.world.run(self.world.begin())
        aura = {one.account_id: AURA for one in self.accounts}
        self.model = QueueModel(self.world.settings, aura, self.world.clock)
        self.claims: list[Claim] = []
        for number, worker_id in enumerate(WORKERS):
            self._join(worker_id, None if number == 2 else frozenset())

    @property
    def now_ms(self) -> int:
        return self.world.clock.now_ms()

    @property
    def services(self) -> Services:
        return self.world.services

    # What users do.

    @rule(who=PICK, model=st.sampled_from(MODELS), duration_s=st.sampled_from((1.0, 8.0, 25.0, 61.0)))
    def submit(self, who: int, model: str, duration_s: float) -> None:
        account = self.accounts[who % len(self.accounts)]
        refusal = self.model.refusal_to_submit(account, duration_s, self.now_ms)
        work = self.services.queue.submissions.submit(account, choice(model=model, duration_s=duration_s))
        submitted = self._told(work, refusal)
        if submitted is not None:
            self.model.submit(submitted.job_id, account, model, duration_s, self.now_ms)
            assert self.model.shown(self.now_ms).index(submitted.job_id) + 1 == submitted.position

    @precondition(lambda self: self.model.jobs)
    @rule(who=PICK, which=PICK)
    def cancel(self, who: int, which: int) -> None:
        account, job = self._pair(who, which)
        refusal = self.model.refusal_to_cancel(account, job)
        self._told(self.services.queue.jobs.cancel(account, job.job_id), refusal)
        if refusal is None:
            self.model.end(job, "cancelled")
            if account != job.account:
                job.last_ruling = "cancel"

    @precondition(lambda self: self.model.jobs)
    @rule(who=PICK, which=PICK)
    def skip(self, who: int, which: int) -> None:
        account, job = self._pair(who, which)
        refusal = self.model.refusal_to_skip(account, job)
        receipt = self._told(self.services.queue.jobs.skip(account, job.job_id), refusal)
        if receipt is not None:
            job.paid, job.was_paid_for = self.model.price(job), True
            job.line = replace(job.line, skipped_ms=self.now_ms)
            self.model.aura[account.account_id] -= job.paid
            assert (receipt.cost, receipt.new_balance) == (job.paid, self.model.aura[account.account_id])

    # What workers do.

    @rule(worker_id=st.sampled_from(WORKERS))
    def claim(self, worker_id: str) -> None:
        worker = self.model.workers[worker_id]
        expected = self.model.next(worker, self.now_ms)
        work = self.services.queue.leases.claim(worker_id, worker.affinity.ready, makes=worker.affinity.makes)
        claim = self.world.run(work)
        if expected is None:
            assert claim is None
            return
        assert claim is not None
        job, affinity = expected
        assert (claim.job_id, claim.worker_id, claim.fence) == (job.job_id, worker_id, job.fence + 1)
        self.model.claim(worker, job, affinity, self.now_ms)
        worker.claims.append(claim)
        self.claims.append(claim)

    @rule(worker_id=st.sampled_from(WORKERS))
    def heartbeat(self, worker_id: str) -> None:
        claims = self.model.workers[worker_id].claims
        kept = self.world.run(self.services.queue.leases.keep(worker_id, claims))
        held = [job for claim in claims if (job := self.model.holds(claim, self.now_ms))]
        assert kept.held == {(job.job_id, job.fence) for job in held}
        assert kept.is_registered
        for job in held:
            self.model.keep(job, self.now_ms)

    @precondition(lambda self: self.claims)
    @rule(which=PICK, progress_pct=st.integers(0, 99))
    def progress(self, which: int, progress_pct: int) -> None:
        claim = self._claim(which)
        job = self._held(claim, report_progress(self.services, claim, progress_pct))[0]
        if job is not None:
            job.progress_pct = max(job.progress_pct, progress_pct)
            self.model.keep(job, self.now_ms)

    @precondition(lambda self: self.claims)
    @rule(which=PICK)
    def complete(self, which: int) -> None:
        claim = self._claim(which)
        job = self._held(claim, self.services.queue.leases.complete(claim, FACTS))[0]
        if job is not None:
            self.model.end(job, "completed")

    @precondition(lambda self: self.claims)
    @rule(which=PICK)
    def fail(self, which: int) -> None:
        claim = self._claim(which)
        job, again = self._held(claim, self.services.queue.leases.fail(claim, "no"))
        if job is not None:
            assert again == self.model.fail(job)

    @precondition(lambda self: self.claims)
    @rule(which=PICK)
    def hand_back(self, which: int) -> None:
        claim = self._claim(which)
        job = self._held(claim, self.services.queue.leases.hand_back(claim))[0]
        if job is not None:
            self.model.put_back(job)

    # What goes wrong.

    @rule(worker_id=st.sampled_from(WORKERS))
    def crash(self, worker_id: str) -> None:
        """A worker dies, its supervisor notices, and another takes its place."""
        taken_back = self.world.run(self.services.queue.leases.take_back_from(worker_id))
        self._expect_taken_back(taken_back, lambda job: job.holder == worker_id)
        self.world.run(self.services.workers.registry.remove(worker_id))
        ready = self.model.workers[worker_id].affinity.ready
        self._join(worker_id, None if ready is None else frozenset())

    @rule()
    def sweep(self) -> None:
        taken_back = self.world.run(self.services.queue.leases.take_back_lapsed())
        self._expect_taken_back(taken_back, lambda job: job.lease_expires_ms < self.now_ms)

    @rule()
    def restart(self) -> None:
        self.world.restart()
        for job in self.model.processing():
            if job.lease_expires_ms < self.now_ms:
                self.model.lose_worker(job)

    @rule(seconds=st.sampled_from((0.001, 1, 1, 5.9, 6.1, 60, 700, 3601)))
    def time_passes(self, seconds: float) -> None:
        self.world.clock.advance_s(seconds)

    # What must hold after every step.

    @invariant()
    def count(self) -> None:
        self.world.steps += 1

    @invariant()
    def the_queue_is_shown_as_it_ought_to_be(self) -> None:
        snapshot = self.world.run(self.services.queue.reader.snapshot())
        assert [job.job_id for job in snapshot.jobs] == self.model.shown(self.now_ms)
        assert [job.position for job in snapshot.jobs] == list(range(1, len(snapshot.jobs) + 1))
        assert [job.progress_pct for job in snapshot.jobs] == [
            self.model.jobs[job.job_id].progress_pct for job in snapshot.jobs
        ]
        assert snapshot.is_paused == self.model.is_paused

    @invariant()
    def no_job_is_lost_and_each_has_at_most_one_holder(self) -> None:
        rows = self.world.fetch(
            "SELECT job_id, status, worker_id, fence, retry_count, lost_workers FROM job ORDER BY sequence"
        )
        assert [tuple(row.values()) for row in rows] == [
            (job.job_id, job.status, job.holder, job.fence, job.retry_count, job.lost_workers)
            for job in self.model.jobs.values()
        ]
        sounds = {row["job"] for row in self.world.fetch("SELECT job FROM sound")}
        assert sounds == {job.job_id for job in self.model.jobs.values() if job.status == "completed"}

    @invariant()
    def the_ledger_adds_up(self) -> None:
        assert self.world.run(self.services.accounts.aura.verify()) == []
        balances = {row["id"]: row["aura_balance"] for row in self.world.fetch("SELECT * FROM account")}
        assert balances == self.model.aura
        entries = Counter(
            (row["job_id"], row["kind"])
            for row in self.world.fetch("SELECT job_id, kind FROM aura_entry WHERE job_id IS NOT NULL")
        )
        assert all(count == 1 for count in entries.values())
        assert all(entries[(job_id, "skip")] for job_id, kind in entries if kind == "refund")

    @invariant()
    def limits_are_kept(self) -> None:
        settings = self.world.settings
        active = [job for job in self.model.jobs.values() if job.status in ACTIVE]
        assert len(active) <= settings.queue_limit
        for account in self.accounts:
            tier = tier_table(settings)[account.tier]
            # Whoever is brought back by an admin comes on top.
            own = [job for job in active if job.account == account and not job.was_brought_back]
            assert len(own) <= tier.at_once
            in_hour = [
                job
                for job in self.model.jobs.values()
                if job.account == account and job.created_ms > self.now_ms - HOUR_MS
            ]
            assert len(in_hour) <= tier.hourly

    # Shared steps.

    def _join(self, worker_id: str, ready: frozenset[str] | None) -> None:
        limit = self.world.settings.affinity_limit
        makes = frozenset(("music", "audio")) if worker_id == WORKERS[1] else None
        self.model.workers[worker_id] = ModelWorker(worker_id, Affinity(ready, 0, limit, makes))
        self.world.run(self.services.workers.registry.register(worker_id, host="h", pid=1, device="cpu"))

    def _pair(self, who: int, which: int) -> tuple[Identity, ModelJob]:
        # Mostly one's own waiting job; now and then somebody else's, or one that runs or has ended.
        jobs = [job for job in self.model.jobs.values() if job.status == "queued" or which % 4 == 0]
        jobs = jobs or list(self.model.jobs.values())
        job = jobs[which % len(jobs)]
        return (job.account if who % 4 else self.accounts[who % len(self.accounts)]), job

    def _claim(self, which: int) -> Claim:
        """A claim of now or of before, the newest ones most often."""
        return self.claims[-1 - min(which % 8, which % len(self.claims))]

    def _told(self, work: Awaitable[T], refusal: str | None) -> T | None:
        """The outcome, which must be a refusal with these words if there ought to be one."""
        told, outcome = None, None
        try:
            outcome = self.world.run(work)
        except ProductError as error:
            told = error.message
        assert told == refusal
        return outcome

    def _held(self, claim: Claim, work: Awaitable[T]) -> tuple[ModelJob, T] | tuple[None, None]:
        """The job and the outcome of a worker's write, which must be refused if its claim is void."""
        job = self.model.holds(claim, self.now_ms)
        try:
            outcome = self.world.run(work)
        except LeaseLost:
            assert job is None
            return None, None
        assert job is not None
        return job, outcome

    def _expect_taken_back(self, taken_back: list[str], is_lost: Callable[[ModelJob], bool]) -> None:
        lost = [job for job in self.model.processing() if is_lost(job)]
        assert sorted(taken_back) == sorted(job.job_id for job in lost)
        for job in lost:
            self.model.lose_worker(job)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    settings = Settings(
        data_dir=str(tmp_path),
        database_url=database_url,
        disk_reserve_mb=0,
        queue_limit=12,
        creator_hourly=8,
        creator_at_once=6,
        lost_workers_limit=3,
        cancel_hourly=10_000,
        skip_hourly=10_000,
    )
    with asyncio.Runner() as runner:
        opened = World(runner, settings)
        yield opened
        opened.close()


def test_whatever_happens_the_queue_is_as_the_rules_say(world: World) -> None:
    QueueMachine.world = world
    # Half of the steps on each database; a run may end early, so they are counted.
    while world.steps < STEPS // 2:
        run_state_machine_as_test(
            QueueMachine,
            settings=hypothesis_settings(
                max_examples=max(1, (STEPS // 2 - world.steps) // STEPS_PER_RUN),
                stateful_step_count=STEPS_PER_RUN,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    logger.info("%d steps without a broken invariant", world.steps)
