"""What sketch says of itself is what it can do."""

from itertools import product

import pytest

from webapp.engines.sketch.abilities import ABILITIES
from webapp.engines.sketch.engine import MODELS, SketchEngine
from webapp.engines.sketch.understanding.reading import read_prompt


@pytest.mark.parametrize("model", MODELS)
def test_every_word_of_every_proposal_is_understood(model: str) -> None:
    abilities = ABILITIES[model]
    assert SketchEngine().info(model).abilities == abilities
    for chosen in product(*abilities.idea_parts):
        plan = read_prompt(abilities.idea_form.format(*chosen), model, 1)
        assert (plan.unknown, plan.is_empty) == ((), False), chosen
