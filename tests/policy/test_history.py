"""The queue's last hour in steps."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.queue.history import Span, Stay, spans

MINUTE_MS = 60_000


def stay(came: float, left: float | None = None, *, was_started: bool = True) -> Stay:
    """A stay in minutes."""
    left_ms = None if left is None else round(left * MINUTE_MS)
    return Stay(round(came * MINUTE_MS), left_ms, was_started and left is not None)


def three(*stays: Stay) -> tuple[Span, ...]:
    """The minutes 7, 8 and 9, asked in the middle of the last."""
    return spans(stays, until_ms=round(9.5 * MINUTE_MS), span_ms=MINUTE_MS, count=3)


def test_nothing_happened() -> None:
    assert three() == tuple(Span(minute * MINUTE_MS, 0, 0, None, None) for minute in (7, 8, 9))


def test_who_was_there_before_and_who_comes_and_goes() -> None:
    told = three(stay(1), stay(2, 8.5), stay(7.5, 8.25), stay(8.75), stay(3, 5), stay(9.9))
    assert [span.waiting for span in told] == [3, 3, 3]
    assert [span.started for span in told] == [0, 2, 0]
    assert told[1].longest_wait_s == 390
    assert told[1].median_wait_s == (390 + 45) / 2


def test_one_that_was_cancelled_waited_but_was_never_started() -> None:
    told = three(stay(7.2, 8.1, was_started=False))
    assert [span.waiting for span in told] == [1, 1, 0]
    assert [span.median_wait_s for span in told] == [None, None, None]


STAYS = st.lists(
    st.tuples(st.integers(0, 600), st.none() | st.integers(0, 600), st.booleans()).map(
        lambda drawn: Stay(drawn[0], None if drawn[1] is None else drawn[0] + drawn[1], drawn[2])
    ),
    max_size=12,
)


@given(STAYS)
def test_the_most_at_once_is_what_counting_at_every_moment_finds(drawn: list[Stay]) -> None:
    # Times of a clock that was set back have a test of their own.
    stays = [replace(stay, came_ms=min(stay.came_ms, 598, stay.left_ms or 598)) for stay in drawn]
    told = spans(stays, until_ms=599, span_ms=100, count=4)
    assert [span.from_ms for span in told] == [200, 300, 400, 500]
    for span in told:
        moments = range(span.from_ms, span.from_ms + 100)
        there = [
            sum(one.came_ms <= at and (one.left_ms is None or one.left_ms > at) for one in stays)
            for at in moments
        ]
        assert span.waiting >= max(there)
        before = sum(
            one.came_ms < span.from_ms and (one.left_ms is None or one.left_ms >= span.from_ms)
            for one in stays
        )
        assert span.waiting == max([before, *there])
