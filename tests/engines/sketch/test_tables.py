"""The data files agree with each other and with the code."""

import pytest

from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.music.arrange import _STROKES
from webapp.engines.sketch.music.balance import TARGETS_DB
from webapp.engines.sketch.music.form import _FORMS
from webapp.engines.sketch.music.instruments.kits import kit_names, piece_names
from webapp.engines.sketch.music.instruments.samples import DRUM_BANK, sample_library
from webapp.engines.sketch.music.instruments.tones import TONES
from webapp.engines.sketch.music.parts import _WRITERS
from webapp.engines.sketch.music.pedals import PEDALS
from webapp.engines.sketch.music.piece import _ROLLS
from webapp.engines.sketch.music.styles import DEFAULT_PARTS, figures, grooves, instruments, styles
from webapp.engines.sketch.music.theory import PROGRESSIONS, SCALES
from webapp.engines.sketch.understanding.lexicon import Entry, lexicon

ENTRIES = sorted(
    {entry for entries in lexicon().entries.values() for entry in entries},
    key=lambda entry: (entry.kind, entry.key, entry.phrase),
)


def of_kind(kind: str) -> list[Entry]:
    return [entry for entry in ENTRIES if entry.kind == kind]


def test_words_for_sounds_mean_sounds_that_there_are() -> None:
    for kind in ("sound", "alone", "verb"):
        assert {entry.key for entry in of_kind(kind)} <= set(EFFECTS)
    words = lexicon()
    assert {sound for sound in words.usual.values() if sound} <= set(EFFECTS)
    assert {sound for place in words.places.values() for sound, _ in place} <= set(EFFECTS)
    assert {part for parts in words.made_of.values() for part in parts} <= set(EFFECTS)
    assert set(words.owners) <= set(EFFECTS)


def test_every_sound_can_be_asked_for() -> None:
    named = {entry.key for kind in ("sound", "alone", "verb") for entry in of_kind(kind)}
    assert set(EFFECTS) <= named


def test_words_for_music_mean_what_there_is() -> None:
    assert {entry.key for entry in of_kind("genre")} == set(styles())
    assert {entry.key for entry in of_kind("instrument")} == set(instruments())
    assert {entry.detail for entry in of_kind("instrument")} <= set(_WRITERS)
    assert {entry.key for entry in of_kind("role")} <= set(_WRITERS)
    assert {entry.key for entry in of_kind("kit")} <= kit_names()
    assert {piece for entry in of_kind("drum") for piece in entry.key.split()} <= piece_names() | set(
        _ROLLS
    ) | {"percussion"}
    assert {entry.key for entry in of_kind("mode")} <= set(SCALES)
    assert {mode for mood in lexicon().moods.values() for mode in mood.modes} <= set(SCALES)
    assert set(PROGRESSIONS) == set(SCALES)


def test_there_is_as_much_as_was_promised() -> None:
    assert len(instruments()) >= 60
    assert len(styles()) >= 30
    assert len(EFFECTS) >= 150


@pytest.mark.parametrize("name", sorted(styles()))
def test_style_is_complete(name: str) -> None:
    style = styles()[name]
    assert {part.instrument for part in style.parts} <= set(instruments())
    assert {part.role for part in style.parts} <= set(_WRITERS)
    assert style.bass == "none" or style.bass in figures("bass")
    assert style.comping in figures("comping")
    assert style.form in _FORMS
    assert {part.effect for part in style.parts if part.effect} <= set(PEDALS)
    assert {part.figure for part in style.parts if part.figure} <= set(figures("comping"))
    assert set(style.modes) <= set(SCALES)
    assert not style.groove or style.groove in grooves()
    assert 30 <= style.tempo_bpm[0] <= style.tempo_bpm[1] <= 240


def test_grooves_play_pieces_of_kits() -> None:
    for groove in grooves().values():
        assert groove.kit in kit_names()
        assert set(groove.lanes) <= piece_names()
        for line in groove.lanes.values():
            assert len(line) % 4 == 0
            assert set(line) <= {*_STROKES, "."}


def test_instruments_can_be_played() -> None:
    assert set(TARGETS_DB) == set(_WRITERS)
    assert {part.instrument for parts in DEFAULT_PARTS for part in parts} <= set(instruments())
    library = sample_library()
    for name, instrument in instruments().items():
        assert instrument.tone in TONES, name
        low, high = instrument.range
        assert high - low >= 7
        assert not instrument.pedal or instrument.pedal in PEDALS
        if instrument.program is not None and library.has_samples:
            assert library.sampler(instrument.bank, instrument.program) is not None
    if library.has_samples:
        for kit in (0, 16, 24, 25, 32, 40, 48):
            assert library.sampler(DRUM_BANK, kit) is not None
