"""Words that become text of a statement."""

import pytest

from webapp.database import literals
from webapp.policy.queue.job_status import ACTIVE, TERMINAL, UNSUCCESSFUL


def test_words_are_written_as_the_partial_indexes_have_them() -> None:
    assert f"status IN {literals(ACTIVE)}" == "status IN ('queued', 'processing')"
    assert f"status IN {literals(UNSUCCESSFUL)}" == "status IN ('failed', 'cancelled')"


def test_every_state_is_active_or_terminal() -> None:
    assert set(ACTIVE).isdisjoint(TERMINAL)
    assert set(UNSUCCESSFUL) < set(TERMINAL)


@pytest.mark.parametrize("words", [[], ["it's"], ["queued", "a b"], ["{}"], [""], ["ü"]])
def test_anything_but_plain_words_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match="plain words"):
        literals(words)
