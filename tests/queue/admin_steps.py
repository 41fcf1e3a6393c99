"""What admins do to a queue, as steps of its state machine."""

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.queue.queue_model import QueueModel
from tests.queue.queue_world import World
from webapp.policy.queue.job_actions import ADMIN_ACTIONS, AdminAction
from webapp.services.accounts.identity import Identity
from webapp.services.admin.queue import QueueAdmin

PICK = st.integers(0, 10**6)


class AdminSteps(RuleBasedStateMachine):
    """Pausing, and steering whoever's jobs, one or several at once."""

    world: ClassVar[World]
    accounts: list[Identity]
    model: QueueModel

    @property
    def admin(self) -> Identity:
        return next(one for one in self.accounts if one.is_admin)

    @property
    def steering(self) -> QueueAdmin:
        return self.world.services.admin.queue

    @rule(is_paused=st.booleans())
    def pause(self, is_paused: bool) -> None:
        changed = self.world.run(self.steering.set_paused(self.admin, is_paused=is_paused))
        assert changed == (self.model.is_paused != is_paused)
        self.model.is_paused = is_paused

    @precondition(lambda self: self.model.jobs)
    @rule(action=st.sampled_from(ADMIN_ACTIONS), picks=st.lists(PICK, min_size=1, max_size=4))
    def steer(self, action: AdminAction, picks: list[int]) -> None:
        job_ids = list(dict.fromkeys(self._pick(action, which) for which in picks))
        outcome = self.world.run(self.steering.act_on(self.admin, action, job_ids))
        refused = self.model.act(action, job_ids)
        assert outcome.refused == refused
        assert outcome.done == tuple(job_id for job_id in job_ids if job_id not in refused)

    def _pick(self, action: AdminAction, which: int) -> str:
        """Mostly one that the action is meant for; now and then any."""
        meant = {"stop": "processing", "retry": "failed", "restore": "cancelled"}.get(action, "queued")
        jobs = [job for job in self.model.jobs.values() if job.status == meant or which % 4 == 0]
        jobs = jobs or list(self.model.jobs.values())
        return jobs[which % len(jobs)].job_id

    @invariant()
    def only_admins_moves_are_marked(self) -> None:
        rows = self.world.fetch("SELECT job_id, is_moved, skipped_ms FROM job")
        assert {row["job_id"]: (bool(row["is_moved"]), row["skipped_ms"]) for row in rows} == {
            job.job_id: (job.is_moved, job.line.skipped_ms) for job in self.model.jobs.values()
        }
