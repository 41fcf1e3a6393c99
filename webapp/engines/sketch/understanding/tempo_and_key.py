"""Tempo, metre and key that a prompt gives in figures or letters."""

import re
from collections.abc import Iterator
from typing import Final

MIN_TEMPO_BPM: Final = 30.0
MAX_TEMPO_BPM: Final = 240.0
PITCH_CLASSES: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}

_TEMPO = re.compile(
    r"(?<![\d.])(\d{2,3}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute)|tempo\s+(?:of\s+)?(\d{2,3})(?!\d)",
    re.IGNORECASE,
)
_METRE = re.compile(r"(?<!\d)(?:([2-9])/[48]|(12)/8)(?!\d)")
_LETTER = r"(?<![\w'’])(?P<letter>[a-g])(?:[\s-]?(?P<accidental>sharp|flat|#|♯|♭|b(?![a-z])))?"
_MODE = "harmonic minor|major|minor|maj|min|ionian|aeolian|dorian|phrygian|lydian|mixolydian|locrian"
_KEY_WITH_MODE = re.compile(rf"{_LETTER}[\s-]+(?P<mode>{_MODE})\b", re.IGNORECASE)
_KEY_AFTER_IN = re.compile(rf"\b(?:in|key of)\s+(?:the key of\s+)?{_LETTER}(?![\w'’#♯♭])", re.IGNORECASE)
_SHORT_MINOR = re.compile(r"(?<!\w)(?P<letter>[A-G])(?P<accidental>[#b♯♭])?m(?!\w)")
_SHARPS, _FLATS = frozenset({"#", "♯", "sharp"}), frozenset({"b", "♭", "flat"})
_BEATS = {2: 2, 3: 3, 4: 4, 5: 5, 6: 3, 7: 7, 9: 3, 12: 4}


def tempo_in(text: str) -> float | None:
    """Beats per minute as a number, within what can be played; None where there is none."""
    match = _TEMPO.search(text)
    if match is None:
        return None
    return min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, float(match[1] or match[2])))


def metre_in(text: str) -> int | None:
    """Beats in a bar from a time signature; a bar of 6/8 counts as three."""
    match = _METRE.search(text)
    return _BEATS.get(int(match[1] or match[2])) if match else None


def key_in(text: str) -> tuple[int | None, str | None]:
    """The tonic as a pitch class, and the mode if it stands beside it. "In A" is a key, "in a" is none."""
    match = _key_match(text)
    if match is None:
        return None, None
    if match.re is _SHORT_MINOR:
        return _pitch_class(match), "minor"
    if match.re is _KEY_AFTER_IN:
        return _pitch_class(match), None
    mode = {"maj": "major", "ionian": "major", "min": "minor", "aeolian": "minor"}
    named = match["mode"].lower()
    return _pitch_class(match), mode.get(named, named)


def figures_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where tempo, metre and key stand in a text, from and to, and which of them each is."""
    places = ((_TEMPO.search(text), "tempo"), (_METRE.search(text), "metre"), (_key_match(text), "key"))
    for found, meaning in places:
        if found is not None:
            yield found.start(), found.end(), meaning


def _key_match(text: str) -> re.Match[str] | None:
    if match := _KEY_WITH_MODE.search(text) or _SHORT_MINOR.search(text):
        return match
    match = _KEY_AFTER_IN.search(text)
    return match if match and not _is_article(text, match) else None


def _is_article(text: str, match: re.Match[str]) -> bool:
    """Return whether the letter is the "a" of "in a forest"."""
    followed = re.match(r"\s*\w", text[match.end() :])
    return match["letter"] == "a" and not match["accidental"] and followed is not None


def _pitch_class(match: re.Match[str]) -> int:
    accidental = (match["accidental"] or "").lower()
    shift = (accidental in _SHARPS) - (accidental in _FLATS)
    return (PITCH_CLASSES[match["letter"].lower()] + shift) % 12
