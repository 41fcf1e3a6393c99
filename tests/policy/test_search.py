"""Folding and splitting texts into words to search by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.library.search import (
    MAX_MARKS,
    MAX_QUERY_CHARACTERS,
    MAX_QUERY_WORDS,
    MAX_WORD_CHARACTERS,
    fold,
    query_words,
    search_words,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Café  NAÏVE", ["cafe", "naive"]),
        ("Straße, Øresund & Łódź", ["strasse", "oresund", "lodz"]),
        ("lo-fi don't 8-bit", ["lo", "fi", "don", "t", "8", "bit"]),
        ("ＦＵＬＬ ﬁne ①", ["full", "fine", "1"]),
        ("Ёлка йод", ["елка", "иод"]),
        ("ΆΣΜΑΣ", ["ασμασ"]),
        ("שָׁלוֹם", ["שלום"]),
        ("مُوسِيقَى", ["موسيقى"]),
        ("हिन्दी", ["हिन्दी"]),
        ("한국", ["한국"]),
        ("静かな雨", ["静か", "かな", "な雨", "雨"]),
        ("rain rain", ["rain"]),
        ("a\0b", ["a", "b"]),
        ("rain🎵x", ["rain", "🎵", "x"]),
        ("\"' OR * ( ) ^ : - + % _ \\ ; --", ["or"]),
        ("", []),
    ],
)
def test_words_of_texts(text: str, words: list[str]) -> None:
    assert search_words(text) == words


def test_a_query_of_an_unspaced_script_is_its_pairs() -> None:
    assert query_words("雨") == ["雨"]
    assert query_words("静かな") == ["静か", "かな"]
    assert set(query_words("かな雨")) <= set(search_words("静かな雨"))


def test_marks_that_make_another_word_stay() -> None:
    assert fold("が") != fold("か")
    assert fold("कि") != fold("क")


def test_long_words_and_long_queries_are_cut() -> None:
    assert search_words("x" * 1_000) == query_words("x" * 1_000) == ["x" * MAX_WORD_CHARACTERS]
    assert len(query_words(" ".join(map(str, range(5_000))))) == MAX_QUERY_WORDS


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_words_are_plain(text: str) -> None:
    for word in search_words(text):
        assert 0 < len(word) <= MAX_WORD_CHARACTERS
        assert all(character.isalnum() or not character.isascii() for character in word)
        assert search_words(word)


@given(st.text(min_size=1, max_size=40))
def test_every_text_is_found_by_itself(text: str) -> None:
    words = search_words(text)
    assert all(any(word.startswith(part) for word in words) for part in query_words(text))


@pytest.mark.parametrize(
    "mark", ["\u0e48", "\u0f73", "\u0e48\u0f71", "\uff9e", "\u0e48\uff9e", "\u0e48" * 9 + "\u0640"]
)
def test_more_marks_than_any_letter_has_are_left_out(mark: str) -> None:
    folded = fold("ก" + mark * 2_000 + " rain")
    assert folded.endswith(" rain")
    assert len(folded) <= 3 * MAX_MARKS
    assert fold(folded) == folded


def test_as_many_marks_as_a_letter_may_have_are_kept() -> None:
    text = "ก" + "\u0e48" * MAX_MARKS + "ก"
    assert fold(text) == text


def test_of_a_long_query_the_beginning_counts() -> None:
    assert query_words("a" * MAX_QUERY_CHARACTERS + " rain") == ["a" * MAX_WORD_CHARACTERS]
