"""Hypothesis strategies for waiting jobs and workers, with values that collide often."""

from hypothesis import strategies as st

from webapp.policy.generation import MODELS
from webapp.policy.queue.ordering import Affinity, WaitingJob

NOW_MS = 1_700_000_000_000
MAKES = st.none() | st.frozensets(st.sampled_from(MODELS))
NEAR_MS = st.integers(NOW_MS - 5, NOW_MS + 5)


def jobs(sequence: int) -> st.SearchStrategy[WaitingJob]:
    """A waiting job with this sequence number."""
    return st.builds(
        WaitingJob,
        sequence=st.just(sequence),
        priority=st.integers(0, 4),
        skipped_ms=st.none() | NEAR_MS,
        starves_ms=st.none() | NEAR_MS,
        model=st.sampled_from(MODELS),
        duration_s=st.just(8.0),
    )


@st.composite
def lines(draw: st.DrawFn, most: int = 8) -> list[WaitingJob]:
    """Waiting jobs in no particular order."""
    count = draw(st.integers(0, most))
    return [draw(jobs(sequence)) for sequence in draw(st.permutations(range(1, count + 1)))]


@st.composite
def one_tier(draw: st.DrawFn) -> list[WaitingJob]:
    """Waiting jobs among which nothing counts but arrival and model."""
    models = draw(st.lists(st.sampled_from(MODELS), max_size=12))
    return [WaitingJob(sequence, 4, model=model) for sequence, model in enumerate(models, 1)]


def affinities(makes: st.SearchStrategy[frozenset[str] | None] = MAKES) -> st.SearchStrategy[Affinity]:
    """A worker's state under the usual limit, or under none or another, and with these abilities."""
    return st.builds(
        Affinity,
        ready=st.none() | st.frozensets(st.sampled_from(MODELS)),
        streak=st.integers(0, 4),
        limit=st.integers(0, 3),
        makes=makes,
    )
