"""`WaitingJobs`, which is kept in heaps, takes exactly what the plain function would."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.policy.lines import NEAR_MS, NOW_MS, affinities, jobs, lines
from webapp.policy.queue.ordering import Affinity, WaitingJob, next_job
from webapp.policy.queue.waiting_jobs import WaitingJobs


class KeptJobs(RuleBasedStateMachine):
    """Jobs come, are skipped, are cancelled, are taken and come back while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: WaitingJobs[WaitingJob] = WaitingJobs()
        self.waiting: dict[int, WaitingJob] = {}
        self.taken: list[WaitingJob] = []
        self.now_ms = NOW_MS - 5

    @rule(data=st.data())
    def come(self, data: st.DataObject) -> None:
        job = data.draw(jobs(len(self.waiting) + len(self.taken) + 1))
        if job.sequence not in self.waiting and all(job.sequence != gone.sequence for gone in self.taken):
            self._add(job)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), skipped_ms=NEAR_MS)
    def skip(self, data: st.DataObject, skipped_ms: int) -> None:
        job = data.draw(st.sampled_from(list(self.waiting.values())))
        if job.skipped_ms is None:
            self._add(replace(job, skipped_ms=skipped_ms))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        sequence = data.draw(st.sampled_from(list(self.waiting)))
        del self.waiting[sequence]
        self.kept.remove(sequence)

    @rule(affinity=affinities())
    def take(self, affinity: Affinity) -> None:
        expected = next_job(self.waiting.values(), self.now_ms, affinity)
        assert self.kept.take(self.now_ms, affinity) == expected
        if expected is not None:
            self.taken.append(self.waiting.pop(expected[0].sequence))

    @precondition(lambda self: self.taken)
    @rule()
    def come_back(self) -> None:
        self._add(self.taken.pop())

    @rule(milliseconds=st.integers(1, 3))
    def time_passes(self, milliseconds: int) -> None:
        self.now_ms += milliseconds

    @invariant()
    def same_length(self) -> None:
        assert len(self.kept) == len(self.waiting)

    def _add(self, job: WaitingJob) -> None:
        self.waiting[job.sequence] = job
        self.kept.add(job)


TestKeptJobs = KeptJobs.TestCase


def test_a_job_that_is_put_in_again_goes_where_it_belongs_now() -> None:
    kept = WaitingJobs([WaitingJob(1, 0, model="music"), WaitingJob(2, 0, model="music")])
    kept.add(WaitingJob(1, 1, model="music"))
    taken = [kept.take(NOW_MS), kept.take(NOW_MS)]
    assert [one[0].sequence for one in taken if one is not None] == [2, 1]


@given(lines(most=20), affinities())
def test_jobs_given_at_once_are_taken_in_order(waiting: list[WaitingJob], affinity: Affinity) -> None:
    kept = WaitingJobs(waiting)
    remaining = list(waiting)
    while (taken := kept.take(NOW_MS, affinity)) is not None:
        assert taken == next_job(remaining, NOW_MS, affinity)
        affinity = taken[1]
        remaining.remove(taken[0])
    assert not any(affinity.can_make(job.model) for job in remaining)
