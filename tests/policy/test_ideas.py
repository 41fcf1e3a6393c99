"""Prompts for whoever has none in mind."""

from itertools import product

from webapp.policy.ideas import idea

PARTS = (("rain", "wind"), ("far away", "close", "at sea"))


def test_all_combinations_come_up_in_their_form() -> None:
    ideas = {idea("{}, {}", PARTS, number) for number in range(6)}
    assert ideas == {", ".join(chosen) for chosen in product(*PARTS)}


def test_any_number_gives_one() -> None:
    assert idea("{}, {}", PARTS, 2**63 - 1) in {", ".join(chosen) for chosen in product(*PARTS)}
