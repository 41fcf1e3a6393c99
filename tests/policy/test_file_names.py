"""Names of exported files: every letter, in any script, on every system."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.library.exports import file_stem

ID = "a" * 20


def test_file_names_are_safe_and_readable() -> None:
    assert file_stem('../..\\x:*?"<>|\0\n', "id") == "x id"
    assert file_stem("静かな雨 – 1", "id") == "静かな雨 1 id"
    assert file_stem("///", "id") == "id"
    assert len(file_stem("x" * 100, "id")) == 63


@pytest.mark.parametrize(
    "title",
    [
        "शांत बारिश", "ฝนตกเบาๆ ที่นี่", "மழை", "বৃষ্টি", "மழை மெல்ல", "ខ្មែរ", "עִבְרִית", "العَرَبِيَّة", "naïve Œuvre",
        "ශ්\u200dරී", "می\u200cخواهم",
    ],
)  # fmt: skip
def test_no_letter_loses_its_marks(title: str) -> None:
    composed = unicodedata.normalize("NFC", title)
    assert file_stem(title, "id") == f"{composed} id"
    # As a Mac writes it.
    assert file_stem(unicodedata.normalize("NFD", title), "id") == f"{composed} id"


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("CON", "CON id"), ("-rf", "rf id"), (".hidden", "hidden id"), ("a. ", "a id"), ("🌧️ rain", "rain id"),
        ("e\u00ad\u0301", "é id"), ("evil\u202egpj", "evilgpj id"), ("👨‍👩‍👧", "id"), ("\u200d", "id"),
        ("< \u0338", "id"),
        ("a\ufeffb", "ab id"), ("50% off_now-ish", "50 off_now-ish id"),
    ],
)  # fmt: skip
def test_what_is_no_letter(title: str, stem: str) -> None:
    assert file_stem(title, "id").strip("\u0338 ") in {stem, f"\u0338 {stem}"}


@pytest.mark.parametrize("letter", ["𝔞", "𠀋", "𞤀", "क\u094d\u0937\u093f", "각", "é"])
def test_long_titles_are_cut_behind_a_whole_letter(letter: str) -> None:
    stem = file_stem(letter * 60, ID)
    letters, _, mark = stem.rpartition(" ")
    assert mark == ID
    assert letters == letter * (len(letters) // len(letter))
    assert len(f"{stem}.flac".encode()) <= 255
    room = 255 - len(f" {ID}.flac")
    assert len(letters.encode()) > room - len(letter.encode()) or len(letters) == 60 * len(letter)


@given(st.text(max_size=120))
def test_any_title_makes_a_safe_name(title: str) -> None:
    stem = file_stem(title, ID)
    name = f"{stem}.flac"
    assert len(name.encode()) <= 255
    assert stem == unicodedata.normalize("NFC", stem)
    assert stem.endswith(ID)
    assert not name.startswith((".", "-", " "))
    assert not set(stem) & set('<>:"/\\|?*\0')
    assert not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in stem)


@given(st.text(st.characters(categories=["L", "Nd"]), min_size=1, max_size=40))
def test_every_letter_of_any_script_is_kept(title: str) -> None:
    composed = unicodedata.normalize("NFC", title)
    assert file_stem(title, "id") == f"{composed} id"
