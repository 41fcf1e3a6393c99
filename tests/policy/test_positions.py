"""A newcomer gets the position that the order gives it."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.queue.ordering import Affinity, WaitingJob
from webapp.policy.queue.positions import QueuePositions
from webapp.policy.queue.waiting_jobs import in_order

NOW_MS = 100
MODELS = ("music", "audio", "magnet")


@st.composite
def _waiting_jobs(draw: st.DrawFn) -> list[WaitingJob]:
    return [
        WaitingJob(
            sequence,
            draw(st.integers(0, 4)),
            draw(st.none() | st.integers(0, 5)),
            draw(st.none() | st.integers(NOW_MS - 3, NOW_MS + 3)),
            draw(st.sampled_from(MODELS)),
        )
        for sequence in range(draw(st.integers(0, 12)))
    ]


_AFFINITIES = st.lists(
    st.builds(
        Affinity,
        st.none() | st.frozensets(st.sampled_from(MODELS)),
        st.integers(0, 3),
        st.just(3),
    ),
    max_size=3,
)


@given(waiting=_waiting_jobs(), affinities=_AFFINITIES, joined=st.integers(0, 12))
def test_each_newcomer_gets_the_position_of_the_order(
    waiting: list[WaitingJob], affinities: list[Affinity], joined: int
) -> None:
    present, newcomers = waiting[:joined], waiting[joined:]
    positions = QueuePositions(present, NOW_MS, affinities)
    for newcomer in newcomers:
        present = [*present, newcomer]
        assert positions.of(newcomer) == in_order(present, NOW_MS, affinities).index(newcomer)
        positions.add(newcomer)
        assert len(positions) == len(present)
