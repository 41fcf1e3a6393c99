"""The place that a newcomer is told is the one that the order gives it."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.queue.ordering import Affinity, WaitingJob, in_order
from webapp.policy.queue.positions import Places

NOW_MS = 100
MODELS = ("music", "audio", "magnet")


@st.composite
def _lines(draw: st.DrawFn) -> list[WaitingJob]:
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


_TURNS = st.lists(
    st.builds(
        Affinity,
        st.none() | st.frozensets(st.sampled_from(MODELS)),
        st.integers(0, 3),
        st.just(3),
    ),
    max_size=3,
)


@given(line=_lines(), turns=_TURNS, joined=st.integers(0, 12))
def test_each_newcomer_gets_the_place_of_the_order(
    line: list[WaitingJob], turns: list[Affinity], joined: int
) -> None:
    present, newcomers = line[:joined], line[joined:]
    places = Places(present, NOW_MS, turns)
    for newcomer in newcomers:
        present = [*present, newcomer]
        assert places.of(newcomer) == in_order(present, NOW_MS, turns).index(newcomer)
        places.add(newcomer)
        assert len(places) == len(present)
