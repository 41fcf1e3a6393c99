"""The pure order of the line: who goes first, and how far a loaded model may bend that."""

from itertools import cycle
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from tests.policy.lines import NOW_MS, affinities, lines, one_tier
from webapp.policy.generation import MODELS
from webapp.policy.queue.ordering import (
    INDIFFERENT,
    Affinity,
    Rank,
    WaitingJob,
    in_claim_order,
    next_job,
    order_key,
    rank_reason,
)
from webapp.policy.queue.waiting_jobs import in_order

LIMIT = 3
TURNS = st.lists(affinities(), max_size=3)
# Workers that can make every model.
ABLE_TURNS = st.lists(affinities(st.none()), max_size=3)


@given(lines())
def test_the_order_is_total_and_does_not_depend_on_how_jobs_are_listed(line: list[WaitingJob]) -> None:
    keys = [order_key(job, NOW_MS) for job in line]
    assert len(set(keys)) == len(keys)
    assert in_order(line, NOW_MS) == in_order(reversed(line), NOW_MS)


@given(lines(), ABLE_TURNS)
def test_skips_go_first_oldest_first_whatever_is_loaded(
    line: list[WaitingJob], affinities: list[Affinity]
) -> None:
    ordered = in_order(line, NOW_MS, affinities)
    skipped = [job for job in ordered if job.skipped_ms is not None]
    assert ordered[: len(skipped)] == skipped
    assert [job.skipped_ms for job in skipped] == sorted(job.skipped_ms or 0 for job in skipped)


@given(lines(), ABLE_TURNS)
def test_a_starving_job_is_overtaken_only_by_skips_and_jobs_further_past_their_limit(
    line: list[WaitingJob], affinities: list[Affinity]
) -> None:
    ordered = in_order(line, NOW_MS, affinities)
    for place, job in enumerate(ordered):
        if job.skipped_ms is None and job.starves_ms is not None and job.starves_ms <= NOW_MS:
            for ahead in ordered[:place]:
                assert ahead.skipped_ms is not None or (ahead.starves_ms or 0) <= job.starves_ms


@given(lines(), ABLE_TURNS)
def test_a_tier_is_never_overtaken_by_a_worse_one(line: list[WaitingJob], affinities: list[Affinity]) -> None:
    plain = [job for job in in_order(line, NOW_MS, affinities) if rank_reason(job, NOW_MS) == "tier"]
    assert [job.priority for job in plain] == sorted(job.priority for job in plain)


@given(lines())
def test_without_affinity_a_tier_is_first_come_first_served(line: list[WaitingJob]) -> None:
    plain = [job for job in in_order(line, NOW_MS) if rank_reason(job, NOW_MS) == "tier"]
    assert plain == sorted(plain, key=lambda job: (job.priority, job.sequence))


@given(lines(), TURNS)
def test_jobs_of_one_model_are_first_come_first_served_within_a_tier(
    line: list[WaitingJob], affinities: list[Affinity]
) -> None:
    plain = [job for job in in_order(line, NOW_MS, affinities) if rank_reason(job, NOW_MS) == "tier"]
    for model in MODELS:
        own = [job for job in plain if job.model == model]
        assert own == sorted(own, key=lambda job: (job.priority, job.sequence))


@given(lines(), st.integers(0, 7))
def test_taking_a_job_out_leaves_the_others_in_order(line: list[WaitingJob], gone: int) -> None:
    ordered = in_order(line, NOW_MS)
    rest = [job for job in ordered if job.sequence != gone]
    assert in_order(rest, NOW_MS) == rest


@given(lines(), st.frozensets(st.sampled_from(MODELS)))
def test_a_worker_takes_the_first_job_that_it_can_make(line: list[WaitingJob], makes: frozenset[str]) -> None:
    able = [job for job in in_order(line, NOW_MS) if job.model in makes]
    taken = next_job(line, NOW_MS, Affinity(makes=makes))
    assert (taken[0] if taken else None) == (able[0] if able else None)


def test_a_job_that_only_one_worker_can_make_does_not_hold_up_the_others() -> None:
    line = [WaitingJob(n, 4, model=model) for n, model in enumerate(("audio", "audio", "music", "magnet"), 1)]
    workers = [Affinity(makes=frozenset(("audio",))), Affinity(makes=frozenset(("music",)))]
    assert [job.sequence for job in in_order(line, NOW_MS, workers)] == [1, 3, 2, 4]


@given(lines(), affinities(st.none()))
def test_only_a_loaded_model_of_the_first_ones_tier_goes_before_it(
    line: list[WaitingJob], affinity: Affinity
) -> None:
    taken = next_job(line, NOW_MS, affinity)
    if taken is None:
        assert line == []
        return
    job, head = taken[0], in_order(line, NOW_MS)[0]
    if job != head:
        assert order_key(job, NOW_MS)[:2] == order_key(head, NOW_MS)[:2] == (Rank.BY_TIER, head.priority)
        assert affinity.ready is not None
        assert job.model in affinity.ready
        assert head.model not in affinity.ready
        assert affinity.streak < affinity.limit


@given(one_tier(), st.sampled_from(MODELS))
def test_a_loaded_model_is_preferred_at_most_three_times_before_another_is_loaded(
    line: list[WaitingJob], loaded: str
) -> None:
    affinity = Affinity(frozenset((loaded,)), 0, LIMIT)
    overtakings = 0
    waiting = list(line)
    while taken := next_job(waiting, NOW_MS, affinity):
        job, affinity = taken
        overtakings = 0 if job.model != loaded else overtakings + (job != waiting[0])
        assert overtakings <= LIMIT
        loaded = job.model
        assert affinity.ready == frozenset((loaded,))
        waiting.remove(job)


def test_three_times_and_then_the_one_that_waits() -> None:
    line = [WaitingJob(n, 4, model=model) for n, model in enumerate(["audio", *["music"] * 5], 1)]
    ordered = in_order(line, NOW_MS, [Affinity(frozenset(("music",)), 0, LIMIT)])
    assert [job.sequence for job in ordered] == [2, 3, 4, 1, 5, 6]


@given(lines(), TURNS)
def test_the_shown_order_is_the_next_job_over_and_over_each_worker_in_turn(
    line: list[WaitingJob], affinities: list[Affinity]
) -> None:
    states = list(affinities) or [INDIFFERENT]
    waiting, expected = list(line), []
    found_nothing = 0
    for worker in cycle(range(len(states))):
        taken = next_job(waiting, NOW_MS, states[worker])
        found_nothing = 0 if taken else found_nothing + 1
        if found_nothing == len(states):
            break
        if taken:
            job, states[worker] = taken
            expected.append(job)
            waiting.remove(job)
    # Jobs that nobody can make come last.
    expected += sorted(waiting, key=lambda job: order_key(job, NOW_MS))
    assert in_order(line, NOW_MS, affinities) == expected


@given(lines(), st.integers(0, 4), st.integers(0, 3))
def test_with_everything_loaded_or_without_a_limit_affinity_changes_nothing(
    line: list[WaitingJob], streak: int, limit: int
) -> None:
    for turn in (Affinity(frozenset(MODELS), streak, limit), Affinity(frozenset(("music",)), streak, 0)):
        assert in_order(line, NOW_MS, [turn]) == in_order(line, NOW_MS)


def test_workers_ask_in_turn_idle_ones_first_then_as_they_started() -> None:
    one, two, three = (Affinity(frozenset((model,))) for model in MODELS)
    workers = [("a", one), ("b", two), ("c", three)]
    assert in_claim_order(workers, {"a": 8, "b": 7}) == (three, two, one)
    assert in_claim_order(reversed(workers), {}) == (one, two, three)


def test_a_thousand_jobs_are_ordered_in_a_few_milliseconds() -> None:
    line = [WaitingJob(n, n % 5, None, NOW_MS + (n % 100 - 10) * 1000, MODELS[n % 3]) for n in range(1, 1001)]
    affinities = [Affinity(frozenset((MODELS[n % 3],)), n % 4, LIMIT) for n in range(100)]
    best_s = 1.0
    for _ in range(5):
        begun_s = perf_counter()
        in_order(line, NOW_MS, affinities)
        best_s = min(best_s, perf_counter() - begun_s)
    assert best_s < 0.05, "a shared machine may be slow, but not ten times"
