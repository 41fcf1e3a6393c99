"""When waiting jobs are expected to start."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.queue.estimates import Outlook, RunningJob, Start, WorkerProfile
from webapp.policy.queue.ordering import WaitingJob
from webapp.policy.queue.speed import ANY_MODEL, LinearWork, SpeedTable

NOW_MS = 1_700_000_000_000
SPEEDS = SpeedTable(
    {
        ("music", "e", "fast"): LinearWork(0, 1.0),
        ("music", "e", "slow"): LinearWork(0, 3.0),
        ("audio", "e", "fast"): LinearWork(5.0, 1.0),
    }
)


def _workers(*devices: str) -> tuple[WorkerProfile, ...]:
    return tuple(
        WorkerProfile(f"w{number}", device, {"music": "e", "audio": "e"})
        for number, device in enumerate(devices)
    )


def _waiting(*durations_s: float, model: str = "music") -> list[WaitingJob]:
    return [WaitingJob(n, 4, model=model, duration_s=duration) for n, duration in enumerate(durations_s, 1)]


def _waits_s(outlook: Outlook, waiting: list[WaitingJob], *running: RunningJob) -> list[float | None]:
    starts = outlook.starts(NOW_MS, running=running, waiting=waiting)
    return [None if start is None else (start.at_ms - NOW_MS) / 1000 for start in starts]


def test_without_a_worker_there_is_no_estimate() -> None:
    assert _waits_s(Outlook((), SPEEDS), _waiting(8, 8)) == [None, None]
    assert Outlook((), SPEEDS).work_ms("music", 8) is None
    assert Outlook((), SPEEDS).making_s("music", 8) is None


def test_idle_workers_start_at_once_and_then_each_takes_the_next_when_free() -> None:
    outlook = Outlook(_workers("fast", "fast"), SPEEDS)
    assert _waits_s(outlook, _waiting(10, 4, 5, 1)) == [0, 0, 4, 9]


def test_each_worker_has_its_own_speed() -> None:
    outlook = Outlook(_workers("fast", "slow"), SPEEDS)
    assert _waits_s(outlook, _waiting(10, 10, 10, 10)) == [0, 0, 10, 20]
    assert outlook.work_ms("music", 10) == pytest.approx(15_000), "the fast one takes three of four"


def test_a_job_waits_for_a_worker_that_can_make_it() -> None:
    fast, slow = _workers("fast", "slow")
    outlook = Outlook((replace(fast, makes=frozenset(("music",))), slow), SPEEDS)
    line = [WaitingJob(n, 4, model=model, duration_s=10) for n, model in enumerate(("audio", "audio"), 1)]
    first, second = _waits_s(outlook, line)
    assert first == 0
    assert second is not None
    assert second > 0, "the worker that is free cannot make it"
    assert outlook.work_ms("music", 10) == pytest.approx(15_000)
    assert not outlook.lacks("audio")


def test_a_job_that_no_worker_can_make_has_no_start_and_delays_nobody() -> None:
    (fast,) = _workers("fast")
    outlook = Outlook((replace(fast, makes=frozenset(("music",))),), SPEEDS)
    line = [WaitingJob(n, 4, model=model, duration_s=10) for n, model in enumerate(("audio", "music"), 1)]
    assert _waits_s(outlook, line) == [None, 0]
    assert outlook.work_ms("audio", 10) is None
    assert outlook.lacks("audio")
    assert not outlook.lacks("music")
    assert not Outlook((), SPEEDS).lacks("audio"), "without any worker it is not the model that is lacking"


def test_a_running_job_is_waited_for() -> None:
    outlook = Outlook(_workers("fast"), SPEEDS)
    running = RunningJob("w0", NOW_MS - 3_000, "audio", 8)
    assert _waits_s(outlook, _waiting(2, 2), running) == [10, 12]


def test_a_running_job_that_overruns_is_expected_to_take_a_little_longer() -> None:
    outlook = Outlook(_workers("fast"), SPEEDS)
    assert _waits_s(outlook, _waiting(2), RunningJob("w0", NOW_MS - 60_000, "music", 8)) == [6]


def test_a_job_of_a_worker_that_is_gone_keeps_nobody_waiting() -> None:
    outlook = Outlook(_workers("fast"), SPEEDS)
    assert _waits_s(outlook, _waiting(2), RunningJob("gone", NOW_MS, "music", 100)) == [0]


def test_better_tiers_that_will_come_make_waits_longer_until_a_job_starves() -> None:
    outlook = Outlook(_workers("fast"), SPEEDS, {4: 0.5})
    waiting = _waiting(10, 10, 10)
    assert _waits_s(outlook, waiting) == [0, 20, 40]
    starving_soon = [replace(job, starves_ms=NOW_MS + 6_000) for job in waiting]
    assert _waits_s(outlook, starving_soon) == [0, 13, 23]
    assert _waits_s(outlook, [replace(job, skipped_ms=NOW_MS) for job in waiting]) == [0, 10, 20]


def test_a_job_that_begins_to_starve_meanwhile_goes_first() -> None:
    waiting = _waiting(10, 10, 10)
    waiting[2] = replace(waiting[2], starves_ms=NOW_MS + 9_000)
    assert _waits_s(Outlook(_workers("fast"), SPEEDS), waiting) == [0, 20, 10]
    waiting[1] = replace(waiting[1], skipped_ms=NOW_MS)
    in_order = [waiting[1], waiting[0], waiting[2]]
    assert _waits_s(Outlook(_workers("fast"), SPEEDS), in_order) == [0, 20, 10]
    waiting[0] = replace(waiting[0], skipped_ms=NOW_MS)
    assert _waits_s(Outlook(_workers("fast"), SPEEDS), waiting) == [0, 10, 20], "but not before a skip"


def test_a_few_results_give_a_range_and_many_a_number() -> None:
    waiting, running = _waiting(*[10] * 12), RunningJob("w0", NOW_MS, "music", 10)
    ranges = []
    for count in (0, 200):
        counts = {("music", "e", "fast"): count, (ANY_MODEL, "e", "fast"): count}
        outlook = Outlook(_workers("fast"), replace(SPEEDS, counts=counts))
        last = outlook.starts(NOW_MS, running=[running], waiting=waiting)[-1]
        assert last is not None
        assert last.early_ms < last.at_ms < last.late_ms
        ranges.append((last.is_sure(NOW_MS), last.late_ms - last.early_ms))
    assert [is_sure for is_sure, _ in ranges] == [False, True]
    assert ranges[0][1] > 4 * ranges[1][1]


def test_behind_a_running_job_of_an_engine_never_measured_a_start_is_unsure() -> None:
    running = RunningJob("w0", NOW_MS, "music", 100)
    (start,) = Outlook(_workers("fast"), SPEEDS).starts(NOW_MS, running=[running], waiting=_waiting(10))
    assert start is not None
    assert not start.is_sure(NOW_MS)


def test_a_bound_leaves_time_for_a_long_job_in_hand() -> None:
    running = RunningJob("w0", NOW_MS, "music", 180)
    waiting = [replace(_waiting(5)[0], starves_ms=NOW_MS + 1_000)]
    (start,) = Outlook(_workers("fast"), SPEEDS, {4: 0.9}).starts(NOW_MS, running=[running], waiting=waiting)
    assert start is not None
    assert start.late_ms >= NOW_MS + 1_000 + 180_000 * 1.3


def test_a_starvation_limit_caps_a_start_whatever_better_tiers_ask() -> None:
    outlook = Outlook(_workers("fast"), SPEEDS, {4: 0.9})
    waiting = [replace(job, starves_ms=NOW_MS + 60_000 + n) for n, job in enumerate(_waiting(*[10] * 5))]
    starts = [start for start in outlook.starts(NOW_MS, running=(), waiting=waiting) if start]
    assert starts[-1].is_bounded
    # Its limit, then the four that are further past theirs and one in hand, with a margin.
    assert starts[-1].late_ms == pytest.approx(NOW_MS + 60_000 + 50_000 * 1.3, abs=100)
    assert all(start.at_ms <= start.late_ms for start in starts)
    skipped = outlook.starts(NOW_MS, running=(), waiting=[replace(waiting[0], skipped_ms=NOW_MS)])[0]
    assert skipped == Start(NOW_MS, NOW_MS, NOW_MS)


@given(
    st.lists(st.floats(1, 180), max_size=20),
    st.lists(st.sampled_from(["fast", "slow"]), min_size=1, max_size=4),
)
def test_starts_never_go_back_along_a_queue_of_one_tier(durations_s: list[float], devices: list[str]) -> None:
    waits = _waits_s(Outlook(_workers(*devices), SPEEDS), _waiting(*durations_s))
    assert waits == sorted(wait for wait in waits if wait is not None)
    assert waits[: len(devices)] == [0] * min(len(devices), len(waits))


def _batching(batch_slots: int) -> Outlook:
    return Outlook(
        tuple(replace(worker, batch_slots={"music": batch_slots}) for worker in _workers("fast")), SPEEDS
    )


def test_jobs_of_one_model_start_together_where_there_are_batch_slots() -> None:
    assert _waits_s(_batching(3), _waiting(10, 4, 6, 5)) == [0, 0, 0, 4]
    assert _batching(3).work_ms("music", 9) == pytest.approx(3_000), "three share the worker's time"
    running = RunningJob("w0", NOW_MS, "music", 9)
    assert _batching(3).making_s("music", 9) == _batching(3).usual_s(running) == pytest.approx(9)


def test_another_model_waits_for_the_whole_batch_and_keeps_its_position() -> None:
    waiting = [
        *_waiting(10, 4),
        replace(_waiting(5, model="audio")[0], sequence=3),
        replace(_waiting(1)[0], sequence=4),
    ]
    assert _waits_s(_batching(3), waiting) == [0, 0, 10, 20]


def test_running_jobs_take_batch_slots() -> None:
    running = [RunningJob("w0", NOW_MS, "music", duration_s) for duration_s in (7, 3)]
    assert _waits_s(_batching(3), _waiting(9, 1), *running) == [0, 3]
    assert _waits_s(_batching(1), _waiting(9, 1), *running) == [7, 16], "one is being written already"
