"""Tempo, metre, key and space as a prompt gives them, or as its genre and mood suggest."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from webapp.engines.sketch import vocabulary as words
from webapp.engines.sketch.genres import Genre
from webapp.engines.sketch.theory import PITCH_CLASSES

MIN_TEMPO_BPM, MAX_TEMPO_BPM = 30.0, 240.0
_DEFAULT_TEMPO_BPM = (84.0, 108.0)
_DEFAULT_MODES = ("major", "minor", "dorian")
_DEFAULT_SPACE = 0.35

_TEMPO = re.compile(
    r"(?<![\d.])(\d{2,3}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute)|tempo\s+(?:of\s+)?(\d{2,3})(?!\d)"
)
_METRE_OF_THREE = re.compile(r"(?<!\d)(?:3/4|6/8|9/8)(?!\d)")
_LETTER = r"(?<![\w'’])(?P<letter>[a-g])(?:[\s-]?(?P<accidental>sharp|flat|#|♯|♭|b(?![a-z])))?"
_MODE = "harmonic minor|major|minor|maj|min|ionian|aeolian|dorian|phrygian|lydian|mixolydian|locrian"
_KEY_WITH_MODE = re.compile(rf"{_LETTER}[\s-]+(?P<mode>{_MODE})\b", re.IGNORECASE)
_KEY_AFTER_IN = re.compile(rf"\b(?:in|key of)\s+(?:the key of\s+)?{_LETTER}(?![\w'’#♯♭])", re.IGNORECASE)
_SHORT_MINOR = re.compile(r"(?<!\w)(?P<letter>[A-G])(?P<accidental>[#b♯♭])?m(?!\w)")
_SHARPS, _FLATS = frozenset({"#", "♯", "sharp"}), frozenset({"b", "♭", "flat"})

_Meaning = TypeVar("_Meaning")


def read_tempo(
    folded: str, tokens: Sequence[str], genre: Genre | None, rng: np.random.Generator
) -> tuple[float, bool]:
    """Beats per minute, and whether the prompt gave them as a number."""
    match = _TEMPO.search(folded)
    if match:
        return min(MAX_TEMPO_BPM, max(MIN_TEMPO_BPM, float(match[1] or match[2]))), True
    low, high = genre.tempo_bpm if genre else _DEFAULT_TEMPO_BPM
    wanted = _first_known(tokens, words.TEMPO_WORDS)
    if wanted is not None and genre is not None:
        # "Slow techno" is slow for techno, not as slow as a lullaby.
        slowest, fastest = 0.75 * low, 1.3 * high
        low, high = (min(max(bpm, slowest), fastest) for bpm in wanted)
    elif wanted is not None:
        low, high = wanted
    return float(round(rng.uniform(low, high))), False


def read_metre(folded: str, genre: Genre | None) -> int:
    """Beats in a bar, 3 or 4."""
    if _METRE_OF_THREE.search(folded):
        return 3
    return genre.beats_per_bar if genre else 4


def read_key(
    text: str, tokens: Sequence[str], genre: Genre | None, rng: np.random.Generator
) -> tuple[int, str]:
    """The tonic as a pitch class, and the mode. ``text`` keeps its capitals: "in A" is not "in a"."""
    mood = next((words.MOOD_MODES[token] for token in tokens if token in words.MOOD_MODES), None)
    modes = mood or (genre.modes if genre else _DEFAULT_MODES)
    tonic, mode = int(rng.integers(12)), modes[rng.integers(len(modes))]
    named = _first_known(tokens, words.MODE_WORDS)
    match = _KEY_WITH_MODE.search(text)
    if match:
        mode = words.MODE_WORDS[match["mode"].lower()]
        return _pitch_class(match), mode
    match = _SHORT_MINOR.search(text)
    if match:
        return _pitch_class(match), named or "minor"
    match = _KEY_AFTER_IN.search(text)
    if match and not _is_article(text, match):
        # A bare letter is a major key unless a mood or a genre says otherwise.
        return _pitch_class(match), named or (mode if mood or genre else "major")
    return tonic, named or mode


def read_space(tokens: Sequence[str], genre: Genre | None) -> float:
    """The amount of reverb, 0 to 1."""
    named = _first_known(tokens, words.SPACE_WORDS)
    if named is not None:
        return named
    return genre.space if genre else _DEFAULT_SPACE


def _first_known(tokens: Sequence[str], table: Mapping[str, _Meaning]) -> _Meaning | None:
    """What the first known phrase means, two words before single ones."""
    phrases = (*(" ".join(pair) for pair in itertools.pairwise(tokens)), *tokens)
    return next((table[phrase] for phrase in phrases if phrase in table), None)


def _is_article(text: str, match: re.Match[str]) -> bool:
    """Whether the letter is the "a" of "in a forest"."""
    followed = re.match(r"\s*\w", text[match.end() :])
    return match["letter"] == "a" and not match["accidental"] and followed is not None


def _pitch_class(match: re.Match[str]) -> int:
    accidental = (match["accidental"] or "").lower()
    shift = (accidental in _SHARPS) - (accidental in _FLATS)
    return (PITCH_CLASSES[match["letter"].lower()] + shift) % 12
