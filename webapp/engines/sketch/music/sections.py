"""Parts of wind sections: tunes in close harmony, and the calls of a fanfare."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from webapp.engines.sketch.music.piece import PiecePart, stream
from webapp.engines.sketch.music.setting import Event, Setting, tonic_of
from webapp.engines.sketch.music.styles import instruments
from webapp.engines.sketch.music.theory import scale_pitch

_VOICES: Final = 3
_SHORT, _LONG = 0.6, 0.95
# Calls of one bar: beat, length in beats, and how many notes of the chord the call climbs there.
Call = tuple[tuple[float, float, int], ...]
_CALLS: Final[tuple[Call, ...]] = (
    (
        (0, 0.75, 0), (0.75, 0.25, 0), (1, 1, 1), (2, 1 / 3, 0), (7 / 3, 1 / 3, 0), (8 / 3, 1 / 3, 0),
        (3, 1, 1),
    ),
    ((0, 1 / 3, 0), (1 / 3, 1 / 3, 0), (2 / 3, 1 / 3, 0), (1, 1, 1), (2, 0.5, -1), (2.5, 0.5, 1), (3, 1, 1)),
    ((0, 1.5, 1), (1.5, 0.5, -1), (2, 1, 1), (3, 1 / 3, 0), (10 / 3, 1 / 3, 0), (11 / 3, 1 / 3, 0)),
    ((0, 1, 0), (1, 0.5, 1), (1.5, 0.5, 0), (2, 2, 1)),
)  # fmt: skip
_HELD: Final[tuple[Call, ...]] = (((0, 4, 1),), ((0, 3, 1), (3, 0.5, -1), (3.5, 0.5, 0)))
_LOWEST_RUNG, _HIGHEST_RUNG = -1, 4


def below(pitch: int, chord: Sequence[int], count: int) -> list[int]:
    """The chord's next notes below a pitch, but for one that would rub against it."""
    classes = {tone % 12 for tone in chord}
    lower = [pitch - step for step in range(3, 25) if (pitch - step) % 12 in classes]
    return lower[:count]


def soli(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """The tune, with the chord in close harmony below it."""
    tonic, mode = tonic_of(setting, part), setting.piece.mode
    for bar, first in setting.bars(part):
        chord = setting.chords[bar].pitches
        if bar == setting.form.closing_bar:
            for pitch in (tonic, *below(tonic, chord, _VOICES - 1)):
                yield Event(first, float(setting.beats), pitch, 0.1)
            continue
        for tone in setting.tune[bar]:
            pitch = scale_pitch(tonic, mode, tone.step)
            length = tone.beats * (_LONG if tone.beats >= 1 else _SHORT)
            for voice, sounded in enumerate((pitch, *below(pitch, chord, _VOICES - 1))):
                yield Event(first + tone.beat, length, sounded, tone.accent + 0.08 - 0.04 * voice)


def fanfare(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Calls that climb through the chord, in as many voices as it has; all of the brass call alike."""
    rng = stream(setting.piece, "fanfare")
    calls = [_CALLS[int(index)] for index in rng.permutation(len(_CALLS))[:2]]
    phrase = (calls[0], calls[1], calls[0], _HELD[int(rng.integers(len(_HELD)))])
    start = int(rng.integers(0, 2))
    lowest = tonic_of(setting, part) - 5
    _, highest = instruments()[part.instrument].range
    rung = start
    for bar, first in setting.bars(part):
        tones = [pitch for pitch in range(lowest - 12, highest + 1) if _holds(setting, bar, pitch)]
        at = next((index for index, pitch in enumerate(tones) if pitch >= lowest), 0)
        closes = bar == setting.form.closing_bar
        rung = start if bar % 2 == 0 else rung
        for beat, beats, climb in ((0.0, float(setting.beats), 1),) if closes else phrase[bar % 4]:
            if beat >= setting.beats:
                continue
            rung = min(_HIGHEST_RUNG, max(_LOWEST_RUNG, rung + climb))
            top = min(len(tones) - 1, at + rung)
            for index in range(max(0, top - _VOICES + 1), top + 1):
                accent = 0.14 if beat == int(beat) else 0.06
                yield Event(first + beat, beats * (_SHORT if beats < 1 else _LONG), tones[index], accent)


def _holds(setting: Setting, bar: int, pitch: int) -> bool:
    return any((pitch - tone) % 12 == 0 for tone in setting.chords[bar].pitches[:3])
