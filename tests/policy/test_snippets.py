"""Snippets: what is marked, in any script, and that nothing of a text is lost."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webapp.policy.library.search import fold, query_words, search_words
from webapp.policy.library.snippets import LONGEST_SNIPPET, Piece, marked, snippet

TEXTS = st.text(max_size=60) | st.text(
    alphabet="aÁa\u0301éßﬁæ İıσςΣ が\u3099ｶﾞ静雨音한\u1112\u1161\u11ab नमस्ते\u200d👩🎵\u05d1\u05b0.,<>&\"'",
    max_size=30,
)


def _written(pieces: tuple[Piece, ...]) -> str:
    return "".join(f"[{piece.text}]" if piece.is_match else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("text", "search", "expected"),
    [
        ("calm rainfall", "RAIN", "calm [rain]fall"),
        ("Café del mar", "cafe", "[Café] del mar"),
        ("Cafe\u0301 del mar", "CAFÉ d", "[Cafe\u0301] [d]el mar"),
        ("rain rainy train", "rain rainy", "[rain] [rainy] train"),
        ("静かな雨の音楽", "雨", "静かな[雨]の音楽"),
        ("静かな雨の音楽", "静かな", "[静かな]雨の音楽"),
        ("ガ ｶﾞ", "ガ", "[ガ] [ｶﾞ]"),
        ("музыка дождя", "ДОЖ", "музыка [дож]дя"),
        ("Straße", "strasse", "[Straße]"),
        ("ﬁne", "fi", "[ﬁ]ne"),
        ("co\u00adworker", "cowork", "[co\u00adwork]er"),
        ("🎵 whistle", "🎵", "[🎵] whistle"),
        ("<b>rain</b> & 'x'", "b rain", "<[b]>[rain]</[b]> & 'x'"),
        ("rain", "wind", "rain"),
        ("", "rain", ""),
    ],
)
def test_what_is_marked(text: str, search: str, expected: str) -> None:
    assert _written(marked(text, query_words(search))) == expected


@settings(max_examples=300)
@given(TEXTS, TEXTS)
@example("각", "\u1100")
def test_pieces_are_the_text_and_every_match_is_marked(text: str, search: str) -> None:
    words = query_words(search)
    pieces = marked(text, words)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)
    found = words and any(word.startswith(part) for word in search_words(text) for part in words)
    if any(piece.is_match for piece in pieces):
        assert found
    elif found:
        # Only where letters change each other across what is taken apart here.
        assert "".join(map(fold, text)) != fold(text)


def test_a_long_text_is_cut_between_words_around_the_first_match() -> None:
    text = "one two three four five six seven " * 10 + "the rain falls " + "and then it stops again " * 20
    pieces = snippet(text, query_words("rain"))
    written = _written(pieces)
    assert written.startswith("…")
    assert written.endswith("…")
    assert " the [rain] falls and " in written
    assert len(written) <= LONGEST_SNIPPET + 4
    assert written.strip("…").replace("[", "").replace("]", "") in text
    assert _written(snippet(text, ["wind"])).startswith("one two")
    assert _written(snippet("x" * 500, ["x" * 64])).endswith("…")


def test_a_short_text_is_whole() -> None:
    assert snippet("calm rain", ["rain"]) == (Piece("calm "), Piece("rain", is_match=True))
