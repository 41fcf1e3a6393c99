"""What the neural English voices are given to read."""

import pytest

from webapp.engines.speech.english import LONGEST_WORD, in_words


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Plain text, 3.5 % & more: “quoted” — it's €5!", "Plain text, 3.5 % & more: “quoted” — it's €5!"),
        ("I ❤ NY 😀", "I  red heart  NY  grinning face "),
        ("👍 ✅", " thumbs up   check mark "),
        ("🇩🇪", " D  E "),
        ("👩\u200d💻", " woman   personal computer "),
        ("a ≤ b ∞", "a  at most  b  infinity "),
        ("⅓", " one third "),
        ("Łódź, Việt, Dvořák", "Lódz, Viet, Dvorák"),
        ("naïve Ångström", "naïve Ångström"),
        ("ə", " schwa "),
        ("[word](/wɜːd/)", "[word] (/w reversed open e  triangular colon d/)"),
        ("ស្រី", " khmer sa ្ khmer ro ី"),
    ],
)
def test_every_character_is_read_or_named(written: str, read: str) -> None:
    assert in_words(written).split() == read.split()


def test_a_word_that_would_be_cut_off_is_parted() -> None:
    word = "x" * (3 * LONGEST_WORD + 1)
    parts = in_words(word).split()
    assert [len(part) for part in parts] == [LONGEST_WORD] * 3 + [1]
    assert in_words("x" * LONGEST_WORD) == "x" * LONGEST_WORD
