"""What the neural English voices are given to read."""

import pytest

from webapp.engines.speech.reading.english import LONGEST_WORD, in_words
from webapp.engines.speech.reading.english_readings import written_out


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


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "See https://example.com/a_b?c=1.",
            "See example dot com slash a underscore b question mark c equals 1.",
        ),
        ("(www.example.org/)", "(W W W dot example dot org)"),
        ("ann.lee@mail.example.co.uk, now", "ann dot lee at mail dot example dot co dot uk, now"),
        ("node.js or file.txt. Then", "node dot js or file dot txt. Then"),
        ("3.5, U.S., e.g. 5 p.m. and Mr.Smith", "3.5, U.S., for example 5 p.m. and Mr.Smith"),
        ("$3.50 and €1,000.00", "3 dollars and 50 cents and 1,000 euros"),
        ("£1.01, $0.99, $1", "1 pound and 1 penny, 99 cents, 1 dollar"),
        ("$3.2bn, US$5, 3 million EUR, 5€", "3.2 billion dollars, 5 dollars, 3 million euros, 5 euros"),
        ("¥500 or 20 CHF", "500 yen or 20 Swiss francs"),
        ("3 m by 1 m, 10 m², 5 m/s", "3 meters by 1 meter, 10 square meters, 5 meters per second"),
        ("2 l, 1 g; 5 s. 5m, I'm 5 m's", "2 liters, 1 gram; 5 seconds. 5m, I'm 5 m's"),
        ("31.12.2023, 99.99.2023", "31 December 2023, 99 point 99 point 2023"),
        ("at 10.30 am, 7.5", "at 10:30 am, 7.5"),
        ("192.168.0.1 and v2.0.1", "192 dot 168 dot 0 dot 1 and version 2 point 0 point 1"),
        ("agent 007 at 00:05, 0.5", "agent 0 0 7 at 00:05, 0.5"),
        ("the XXI century, XIIth dynasty", "the 21st century, 12th dynasty"),
        ("Henry VIII and Type II", "Henry the 8th and Type 2"),
        ("Table IV: an IV drip, MIX, I, Appendix C", "Table 4: an IV drip, MIX, I, Appendix C"),
        ("24/7 - or 50-50--well-known", "24 7 — or 50 50 — well-known"),
    ],
)
def test_what_is_read_otherwise_than_written(written: str, read: str) -> None:
    assert " ".join(written_out(written).split()) == read
