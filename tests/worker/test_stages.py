"""Percentages that move as the time does."""

from webapp.worker.stages import GUESS_NEURAL, GUESS_SKETCH, StageClock, StageMeasures, StageTimes


class Watch:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def run(
    times: StageTimes, told: list[int], took: StageTimes, duration_s: float = 10, steps: int = 10
) -> StageTimes:
    """A job whose stages take what is given; returns what was measured, `told` has percentages by time."""
    watch = Watch()
    clock = StageClock(times, told.append, watch)
    for stage, second_s in (
        (clock.generated, took.generate_s),
        (clock.finished, took.finish_s),
        (clock.written, took.write_s),
    ):
        for step in range(1, steps + 1):
            watch.now_s += second_s * duration_s / steps
            stage(step / steps)
    return clock.measured(duration_s)


def test_at_the_measured_pace_percentages_are_shares_of_the_time() -> None:
    took = StageTimes(0.3, 0.1, 0.6)
    told: list[int] = []
    measured = run(took, told, took)
    # Ten equal steps of three seconds, of one and of six: 3 %, 6 %, … 30 %, 31 %, … 40 %, 46 %, …
    wanted = [*range(3, 31, 3), *range(31, 41), *range(46, 101, 6)]
    assert all(abs(pct - share) <= 1 for pct, share in zip(told, wanted, strict=True))
    assert told[-1] == 99
    assert [round(value, 6) for value in (measured.generate_s, measured.finish_s, measured.write_s)] == [
        0.3,
        0.1,
        0.6,
    ]


def test_what_was_measured_counts_from_the_next_job_on() -> None:
    measures = StageMeasures()
    assert measures.of("sketch", "music") is GUESS_SKETCH
    assert measures.of("audiocraft", "music") is GUESS_NEURAL
    measures.record("sketch", "music", StageTimes(1.0, 1.0, 2.0))
    assert measures.of("sketch", "music").shares == (0.25, 0.5)
    assert measures.of("sketch", "audio") is GUESS_SKETCH
    measures.record("sketch", "music", StageTimes(2.0, 1.0, 2.0))
    assert measures.of("sketch", "music").generate_s == 1.3


def test_a_further_take_tells_what_was_told_before_and_counts_as_time() -> None:
    watch = Watch()
    told: list[int] = []
    clock = StageClock(StageTimes(0.5, 0.0, 0.5), told.append, watch)
    for _ in range(2):
        watch.now_s += 5
        clock.generated(1.0)
    assert told == [50, 50]
    assert clock.measured(10).generate_s == 1.0


def test_waiting_and_loading_before_the_first_step_are_no_part_of_the_pace() -> None:
    watch = Watch()
    clock = StageClock(GUESS_NEURAL, lambda _pct: None, watch)
    watch.now_s += 60
    for share in (0.1, 0.5, 1.0):
        clock.generated(share)
        watch.now_s += 5
    assert round(clock.measured(10).generate_s, 3) == round(10 / 0.9 / 10, 3)
