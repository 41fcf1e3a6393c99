"""Why a job stands where it does."""

from hypothesis import given
from hypothesis import strategies as st

from tests.policy.lines import NOW_MS, affinities, lines
from webapp.policy.queue.ordering import Affinity, WaitingJob, rank_reason
from webapp.policy.queue.reasons import JobsAhead, ahead_of_each, position_reasons
from webapp.policy.queue.waiting_jobs import in_order


@given(lines(), st.lists(affinities(), max_size=3), st.sets(st.integers(1, 8)))
def test_every_place_has_its_reason(
    line: list[WaitingJob], affinities: list[Affinity], moved: frozenset[int]
) -> None:
    ordered = in_order(line, NOW_MS, affinities)
    reasons = position_reasons(ordered, NOW_MS, moved)
    assert len(reasons) == len(ordered)
    for place, (job, reason) in enumerate(zip(ordered, reasons, strict=True)):
        plain = rank_reason(job, NOW_MS)
        if plain == "skipped":
            assert reason == ("moved" if job.sequence in moved else "skipped")
        elif plain == "starving":
            assert reason == "starving"
        else:
            overtaken = any(
                later.priority == job.priority and later.sequence < job.sequence
                for later in ordered[place + 1 :]
                if rank_reason(later, NOW_MS) == "tier"
            )
            assert reason == ("loaded" if overtaken else "tier")


def test_a_job_whose_model_is_loaded_says_so() -> None:
    line = [WaitingJob(1, 4, model="audio"), WaitingJob(2, 4, model="music"), WaitingJob(3, 4, model="audio")]
    ordered = in_order(line, NOW_MS, [Affinity(frozenset(("music",)), 0, 3)])
    assert [job.sequence for job in ordered] == [2, 1, 3]
    assert position_reasons(ordered, NOW_MS) == ["loaded", "tier", "tier"]


def test_a_job_that_no_worker_can_make_says_so_and_explains_no_other() -> None:
    line = [WaitingJob(1, 4, model="audio"), WaitingJob(2, 4, model="music")]
    ordered = in_order(line, NOW_MS, [Affinity(makes=frozenset(("music",)))])
    assert [job.sequence for job in ordered] == [2, 1]
    assert position_reasons(ordered, NOW_MS, lacking=("audio",)) == ["tier", "no_worker"]


@given(lines(), st.lists(affinities(), max_size=3))
def test_what_is_ahead_adds_up_to_the_position(line: list[WaitingJob], affinities: list[Affinity]) -> None:
    ordered = in_order(line, NOW_MS, affinities)
    for place, (job, ahead) in enumerate(zip(ordered, ahead_of_each(ordered, NOW_MS), strict=True)):
        before = ordered[:place]
        plain = [one for one in before if rank_reason(one, NOW_MS) == "tier"]
        assert ahead.front == len(before) - len(plain)
        assert ahead.better == sum(one.priority < job.priority for one in plain)
        assert ahead.same == sum(one.priority == job.priority for one in plain)


def test_better_tiers_and_skips_are_counted_apart() -> None:
    line = [
        WaitingJob(5, 4, skipped_ms=1),
        WaitingJob(2, 0),
        WaitingJob(3, 1),
        WaitingJob(1, 4),
        WaitingJob(4, 4),
    ]
    assert ahead_of_each(line, NOW_MS)[-1] == JobsAhead(front=1, better=2, same=1)
