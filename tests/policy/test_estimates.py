"""When waiting jobs are expected to start."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.queue.estimates import Hands, InHand, Outlook, Start
from webapp.policy.queue.ordering import WaitingJob
from webapp.policy.queue.speed import ANY_MODEL, SpeedTable, WorkLine

NOW_MS = 1_700_000_000_000
SPEEDS = SpeedTable(
    {
        ("music", "e", "fast"): WorkLine(0, 1.0),
        ("music", "e", "slow"): WorkLine(0, 3.0),
        ("audio", "e", "fast"): WorkLine(5.0, 1.0),
    }
)


def _hands(*devices: str) -> tuple[Hands, ...]:
    return tuple(
        Hands(f"w{number}", device, {"music": "e", "audio": "e"}) for number, device in enumerate(devices)
    )


def _line(*durations_s: float, model: str = "music") -> list[WaitingJob]:
    return [WaitingJob(n, 4, model=model, duration_s=duration) for n, duration in enumerate(durations_s, 1)]


def _waits_s(outlook: Outlook, line: list[WaitingJob], *running: InHand) -> list[float | None]:
    starts = outlook.starts(NOW_MS, running=running, line=line)
    return [None if start is None else (start.at_ms - NOW_MS) / 1000 for start in starts]


def test_without_a_worker_nothing_can_be_said() -> None:
    assert _waits_s(Outlook((), SPEEDS), _line(8, 8)) == [None, None]
    assert Outlook((), SPEEDS).work_ms("music", 8) is None


def test_idle_workers_start_at_once_and_then_each_takes_the_next_when_free() -> None:
    outlook = Outlook(_hands("fast", "fast"), SPEEDS)
    assert _waits_s(outlook, _line(10, 4, 5, 1)) == [0, 0, 4, 9]


def test_each_worker_has_its_own_speed() -> None:
    outlook = Outlook(_hands("fast", "slow"), SPEEDS)
    assert _waits_s(outlook, _line(10, 10, 10, 10)) == [0, 0, 10, 20]
    assert outlook.work_ms("music", 10) == pytest.approx(15_000), "the fast one takes three of four"


def test_a_job_in_hand_is_waited_for() -> None:
    outlook = Outlook(_hands("fast"), SPEEDS)
    running = InHand("w0", NOW_MS - 3_000, "audio", 8)
    assert _waits_s(outlook, _line(2, 2), running) == [10, 12]


def test_a_job_in_hand_that_overruns_is_expected_to_take_a_little_longer() -> None:
    outlook = Outlook(_hands("fast"), SPEEDS)
    assert _waits_s(outlook, _line(2), InHand("w0", NOW_MS - 60_000, "music", 8)) == [6]


def test_a_job_of_a_worker_that_is_gone_keeps_nobody_waiting() -> None:
    outlook = Outlook(_hands("fast"), SPEEDS)
    assert _waits_s(outlook, _line(2), InHand("gone", NOW_MS, "music", 100)) == [0]


def test_better_tiers_that_will_come_make_waits_longer_until_a_job_starves() -> None:
    outlook = Outlook(_hands("fast"), SPEEDS, {4: 0.5})
    line = _line(10, 10, 10)
    assert _waits_s(outlook, line) == [0, 20, 40]
    starving_soon = [replace(job, starves_ms=NOW_MS + 6_000) for job in line]
    assert _waits_s(outlook, starving_soon) == [0, 13, 23]
    assert _waits_s(outlook, [replace(job, skipped_ms=NOW_MS) for job in line]) == [0, 10, 20]


def test_a_job_that_begins_to_starve_meanwhile_goes_first() -> None:
    line = _line(10, 10, 10)
    line[2] = replace(line[2], starves_ms=NOW_MS + 9_000)
    assert _waits_s(Outlook(_hands("fast"), SPEEDS), line) == [0, 20, 10]
    line[1] = replace(line[1], skipped_ms=NOW_MS)
    in_order = [line[1], line[0], line[2]]
    assert _waits_s(Outlook(_hands("fast"), SPEEDS), in_order) == [0, 20, 10]
    line[0] = replace(line[0], skipped_ms=NOW_MS)
    assert _waits_s(Outlook(_hands("fast"), SPEEDS), line) == [0, 10, 20], "but not before a skip"


def test_a_few_results_give_a_range_and_many_a_number() -> None:
    line, running = _line(*[10] * 12), InHand("w0", NOW_MS, "music", 10)
    ranges = []
    for count in (0, 200):
        counts = {("music", "e", "fast"): count, (ANY_MODEL, "e", "fast"): count}
        outlook = Outlook(_hands("fast"), replace(SPEEDS, counts=counts))
        last = outlook.starts(NOW_MS, running=[running], line=line)[-1]
        assert last is not None
        assert last.early_ms < last.at_ms < last.late_ms
        ranges.append((last.is_sure(NOW_MS), last.late_ms - last.early_ms))
    assert [is_sure for is_sure, _ in ranges] == [False, True]
    assert ranges[0][1] > 4 * ranges[1][1]


def test_behind_a_job_in_hand_of_an_engine_never_measured_a_start_is_unsure() -> None:
    running = InHand("w0", NOW_MS, "music", 100)
    (start,) = Outlook(_hands("fast"), SPEEDS).starts(NOW_MS, running=[running], line=_line(10))
    assert start is not None
    assert not start.is_sure(NOW_MS)


def test_a_bound_leaves_time_for_a_long_job_in_hand() -> None:
    running = InHand("w0", NOW_MS, "music", 180)
    line = [replace(_line(5)[0], starves_ms=NOW_MS + 1_000)]
    (start,) = Outlook(_hands("fast"), SPEEDS, {4: 0.9}).starts(NOW_MS, running=[running], line=line)
    assert start is not None
    assert start.late_ms >= NOW_MS + 1_000 + 180_000 * 1.3


def test_a_limit_bounds_a_start_whatever_better_tiers_ask() -> None:
    outlook = Outlook(_hands("fast"), SPEEDS, {4: 0.9})
    line = [replace(job, starves_ms=NOW_MS + 60_000 + n) for n, job in enumerate(_line(*[10] * 5))]
    starts = [start for start in outlook.starts(NOW_MS, running=(), line=line) if start]
    assert starts[-1].is_bounded
    # Its limit, then the four that are further past theirs and one in hand, with a margin.
    assert starts[-1].late_ms == pytest.approx(NOW_MS + 60_000 + 50_000 * 1.3, abs=100)
    assert all(start.at_ms <= start.late_ms for start in starts)
    skipped = outlook.starts(NOW_MS, running=(), line=[replace(line[0], skipped_ms=NOW_MS)])[0]
    assert skipped == Start(NOW_MS, NOW_MS, NOW_MS)


@given(
    st.lists(st.floats(1, 180), max_size=20),
    st.lists(st.sampled_from(["fast", "slow"]), min_size=1, max_size=4),
)
def test_starts_never_go_back_along_a_line_of_one_tier(durations_s: list[float], devices: list[str]) -> None:
    waits = _waits_s(Outlook(_hands(*devices), SPEEDS), _line(*durations_s))
    assert waits == sorted(wait for wait in waits if wait is not None)
    assert waits[: len(devices)] == [0] * min(len(devices), len(waits))


def _batching(places: int) -> Outlook:
    return Outlook(tuple(replace(hands, places={"music": places}) for hands in _hands("fast")), SPEEDS)


def test_jobs_of_one_model_start_together_where_there_are_places() -> None:
    assert _waits_s(_batching(3), _line(10, 4, 6, 5)) == [0, 0, 0, 4]
    assert _batching(3).work_ms("music", 9) == pytest.approx(3_000), "three share the worker's time"


def test_another_model_waits_for_the_whole_batch_and_keeps_its_place() -> None:
    line = [*_line(10, 4), replace(_line(5, model="audio")[0], sequence=3), replace(_line(1)[0], sequence=4)]
    assert _waits_s(_batching(3), line) == [0, 0, 10, 20]


def test_jobs_in_hand_take_places() -> None:
    running = [InHand("w0", NOW_MS, "music", duration_s) for duration_s in (7, 3)]
    assert _waits_s(_batching(3), _line(9, 1), *running) == [0, 3]
    assert _waits_s(_batching(1), _line(9, 1), *running) == [7, 16], "one is being written already"
