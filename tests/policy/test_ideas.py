"""Prompts for whoever has none in mind."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.generation import MAX_SEED, MODELS, clean_prompt
from webapp.policy.ideas import MUSIC_COLOURS, MUSIC_MOODS, MUSIC_STYLES, idea


@given(st.sampled_from(sorted(MODELS)), st.integers(0, MAX_SEED))
def test_an_idea_is_a_prompt(model: str, number: int) -> None:
    assert clean_prompt(idea(model, number)) == idea(model, number)


def test_all_combinations_come_up() -> None:
    count = len(MUSIC_STYLES) * len(MUSIC_COLOURS) * len(MUSIC_MOODS)
    assert len({idea("music", number) for number in range(count)}) == count
