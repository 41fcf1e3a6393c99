"""From the notes of a line to a motif: in a key, on a beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from webapp.audio.waveform import Waveform
from webapp.engines.sketch.hearing.notes import HeardNote, notes_of
from webapp.engines.sketch.hearing.pitch import track_pitch

LONGEST_S: Final = 60.0
_FEWEST_NOTES: Final = 2
_MOST_NOTES: Final = 128
# How strongly each degree of a key is felt (Krumhansl and Kessler, 1982).
_PROFILES: Final = {
    "major": (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    "minor": (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
_LAST_NOTE_COUNTS_S: Final = 0.5
_SLOWEST_BPM, _FASTEST_BPM = 60, 168
_USUAL_BPM: Final = 104
_GRIDS_PER_BEAT: Final = 4
# So much an octave of tempo away from the usual one costs, in shares of the grid.
_UNUSUAL_COST: Final = 0.06


@dataclass(frozen=True, slots=True)
class MotifNote:
    """A note, in beats from the motif's beginning; `semitones` are above the tonic near its middle."""

    beat: float
    beats: float
    semitones: int


@dataclass(frozen=True, slots=True)
class Motif:
    """A line as a piece can play it. `tonic` is a pitch class from 0, C, to 11; `mode` major or minor."""

    notes: tuple[MotifNote, ...]
    tonic: int
    mode: str
    tempo_bpm: float

    @property
    def beats(self) -> float:
        return max(note.beat + note.beats for note in self.notes)


def hear_motif(waveform: Waveform) -> Motif | None:
    """Hear the first minute of a line as a motif; None where there are no notes."""
    most = round(LONGEST_S * waveform.sample_rate)
    notes = notes_of(track_pitch(waveform.with_samples(waveform.samples[:, :most])))[:_MOST_NOTES]
    return motif_of(notes) if len(notes) >= _FEWEST_NOTES else None


def motif_of(notes: Sequence[HeardNote]) -> Motif:
    """Put notes into a key and onto a beat."""
    tonic, mode = _key(notes)
    tempo_bpm = _tempo(notes)
    middle = float(np.median([note.pitch for note in notes]))
    # The tonic at or below the middle of the line, so that the line lies around it.
    home = tonic + 12 * int((middle - tonic) // 12)
    starts = [_on_grid((note.start_s - notes[0].start_s) * tempo_bpm / 60) for note in notes]
    found: list[MotifNote] = []
    for index, note in enumerate(notes):
        length = _on_grid((note.end_s - note.start_s) * tempo_bpm / 60)
        if index + 1 < len(notes):
            # Two that fall together are one after the other; a breath before the next is no rest.
            starts[index + 1] = max(starts[index + 1], starts[index] + 1 / _GRIDS_PER_BEAT)
            gap = starts[index + 1] - starts[index]
            length = gap if length >= gap / 2 else length
        found.append(MotifNote(starts[index], max(1 / _GRIDS_PER_BEAT, length), note.pitch - home))
    return Motif(tuple(found), tonic, mode, float(tempo_bpm))


def _on_grid(beats: float) -> float:
    return round(beats * _GRIDS_PER_BEAT) / _GRIDS_PER_BEAT


def _key(notes: Sequence[HeardNote]) -> tuple[int, str]:
    """Return the key whose profile the line's notes fit best; where it ends counts more."""
    weights = np.zeros(12)
    for note in notes:
        weights[note.pitch % 12] += note.end_s - note.start_s
    weights[notes[-1].pitch % 12] += _LAST_NOTE_COUNTS_S
    fits = {
        (tonic, mode): float(np.corrcoef(np.roll(profile, tonic), weights)[0, 1])
        for mode, profile in _PROFILES.items()
        for tonic in range(12)
    }
    return max(fits, key=lambda key: fits[key])


def _tempo(notes: Sequence[HeardNote]) -> int:
    """Return the tempo on whose grid the notes begin most nearly."""
    begins_s = np.array([note.start_s - notes[0].start_s for note in notes])

    def misfit(tempo_bpm: int) -> float:
        places = begins_s * tempo_bpm / 60 * 2
        off = np.abs(places - np.round(places)).mean()
        return float(off + _UNUSUAL_COST * abs(np.log2(tempo_bpm / _USUAL_BPM)))

    return min(range(_SLOWEST_BPM, _FASTEST_BPM + 1), key=misfit)
