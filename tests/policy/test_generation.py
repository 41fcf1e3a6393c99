"""What a request for a sound may say, whatever is sent; the messages are tested over the API."""

import json
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import InvalidRequest
from webapp.policy.generation import (
    MAX_PROMPT_CHARACTERS,
    MODELS,
    PROMPT_PATTERN,
    GenerationChoice,
    check_tier_duration,
    clean_prompt,
    parse_generation,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = ("prompt", "duration", "model", "loopable", "seed", "temperature", "top_k", "top_p", "guidance")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, ANY_JSON)))
def test_any_body_is_a_choice_or_a_refusal_with_its_field(body: dict[str, Any]) -> None:
    choice = _parsed({"prompt": "rain", **body})
    if isinstance(choice, InvalidRequest):
        assert choice.field in FIELDS
        assert choice.message[0].isupper()
    else:
        _assert_in_range(choice)


def _parsed(body: dict[str, Any]) -> GenerationChoice | InvalidRequest:
    try:
        return parse_generation(body)
    except InvalidRequest as refusal:
        return refusal


def _assert_in_range(choice: GenerationChoice) -> None:
    assert 1 <= len(choice.prompt) <= MAX_PROMPT_CHARACTERS
    assert 1 <= choice.duration_s < float("inf")
    assert type(choice.duration_s) is float
    assert choice.model in MODELS
    assert type(choice.is_loopable) is bool
    assert choice.seed is None or (type(choice.seed) is int and 0 <= choice.seed < 2**63)
    sampling = choice.sampling
    for value, highest in (
        (sampling.temperature, 5), (sampling.top_k, 2048), (sampling.top_p, 1), (sampling.guidance, 20),
    ):  # fmt: skip
        assert value is None or 0 <= value <= highest
    json.dumps([choice.prompt, choice.duration_s]).encode()


@given(st.text(st.characters(codec=None), max_size=30))
def test_a_prompt_is_one_trimmed_printable_line_or_refused(text: str) -> None:
    try:
        prompt = clean_prompt(text)
    except InvalidRequest:
        return
    assert prompt == prompt.strip()
    assert prompt
    assert prompt.splitlines() == [prompt]
    assert not {unicodedata.category(character) for character in prompt} & {"Cc", "Cs", "Zl", "Zp"}
    assert not {unicodedata.bidirectional(character) for character in prompt} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert clean_prompt(prompt) == prompt
    prompt.encode()


@given(
    st.text(st.characters(codec="utf-8"), max_size=30)
    | st.text("\u200b\u202e \t\n\x00\x1c\u00ad\ufeffx", max_size=5)
)
def test_the_published_pattern_says_what_the_check_does(text: str) -> None:
    try:
        clean_prompt(text)
        is_taken = True
    except InvalidRequest:
        is_taken = False
    assert is_taken == (re.search(PROMPT_PATTERN, text) is not None)


def test_the_length_counts_after_trimming() -> None:
    longest = "x" * MAX_PROMPT_CHARACTERS
    assert clean_prompt(f" \n{longest}\t ") == longest
    with pytest.raises(InvalidRequest, match="Prompt is too long"):
        clean_prompt(longest + "x")


def test_the_length_counts_characters_not_bytes() -> None:
    assert clean_prompt("🎵" * MAX_PROMPT_CHARACTERS)


def test_a_tiers_longest_clip() -> None:
    check_tier_duration(30, 30)
    with pytest.raises(InvalidRequest, match="Duration exceeds your tier limit"):
        check_tier_duration(30.001, 30)
