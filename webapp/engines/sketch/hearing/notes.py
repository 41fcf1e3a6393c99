"""Finds the notes of a line in its pitch track."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from webapp.engines.sketch.hearing.pitch import HOP_S, Floats, PitchTrack

# What it costs to be a semitone off for one frame is 1; a change of note costs as much as this many frames.
_CHANGE_COST: Final = 5.0
_MOST_COST: Final = 1.5
_SHORTEST_S: Final = 0.07
# A gap this short is breath or a consonant inside of a note, unless the loudness begins anew.
_BRIDGED_FRAMES: Final = 3
_ATTACK_DB: Final = 5.0
_ATTACK_FRAMES: Final = 6
_BETWEEN_ATTACKS_FRAMES: Final = 9
_LOWEST, _HIGHEST = 34, 92
# Where two notes overlap, the period of both together may look like a note far below.
_PHANTOM_S: Final = 0.15
_PHANTOM_SEMITONES: Final = 12


@dataclass(frozen=True, slots=True)
class HeardNote:
    """A note of the line: `pitch` is a MIDI number."""

    start_s: float
    end_s: float
    pitch: int


def notes_of(track: PitchTrack) -> list[HeardNote]:
    """Return the notes in order. They do not overlap."""
    pitches = track.pitches - _tuning(track.pitches)
    found: list[HeardNote] = []
    for begin, end in _voiced(pitches):
        run = pitches[begin:end]
        states = _states(np.where(np.isnan(run), np.nanmedian(run), run))
        attacks = _attacks(track.levels_db[begin:end])
        for first, last in _steady(states, attacks):
            note = HeardNote((begin + first) * HOP_S, (begin + last) * HOP_S, int(states[first]))
            if note.end_s - note.start_s >= _SHORTEST_S:
                found.append(note)
    return _without_phantoms(found)


def _without_phantoms(notes: list[HeardNote]) -> list[HeardNote]:
    """Leave out short notes far below both of their neighbours."""
    kept = []
    for index, note in enumerate(notes):
        beside = [other.pitch for other in notes[max(0, index - 1) : index + 2] if other is not note]
        is_short = note.end_s - note.start_s < _PHANTOM_S
        if not (is_short and beside and note.pitch <= min(beside) - _PHANTOM_SEMITONES):
            kept.append(note)
    return kept


def _tuning(pitches: Floats) -> float:
    """Return how far the line's notes lie above those of equal temperament at 440 Hz, -0.5 to 0.5."""
    heard = pitches[~np.isnan(pitches)]
    if not len(heard):
        return 0.0
    return float(np.angle(np.exp(2j * np.pi * heard).mean()) / (2 * np.pi))


def _voiced(pitches: Floats) -> Iterator[tuple[int, int]]:
    """Give the runs of frames with a pitch; gaps of a few frames are bridged."""
    at = np.flatnonzero(~np.isnan(pitches))
    if not len(at):
        return
    breaks = np.flatnonzero(np.diff(at) > _BRIDGED_FRAMES + 1)
    starts = at[np.concatenate([[0], breaks + 1])]
    ends = at[np.concatenate([breaks, [len(at) - 1]])] + 1
    yield from zip(starts.tolist(), ends.tolist(), strict=True)


def _states(run: Floats) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
    """Return the semitone of each frame: the path that is near the pitch and changes seldom (Viterbi)."""
    semitones = np.arange(_LOWEST, _HIGHEST + 1)
    costs = np.minimum(np.abs(run[:, None] - semitones), _MOST_COST)
    total = costs[0].copy()
    came_from = np.zeros(costs.shape, np.int64)
    stay = np.arange(len(semitones))
    for frame in range(1, len(run)):
        best = int(total.argmin())
        changes = total[best] + _CHANGE_COST < total
        came_from[frame] = np.where(changes, best, stay)
        total = np.where(changes, total[best] + _CHANGE_COST, total) + costs[frame]
    path = np.empty(len(run), np.int64)
    path[-1] = total.argmin()
    for frame in range(len(run) - 1, 0, -1):
        path[frame - 1] = came_from[frame, path[frame]]
    return semitones[path]


def _attacks(levels_db: Floats) -> set[int]:
    """Return the frames at which the loudness begins anew within a run."""
    found: set[int] = set()
    last = 0
    for frame in range(_ATTACK_FRAMES, len(levels_db)):
        before = levels_db[frame - _ATTACK_FRAMES : frame]
        rises = levels_db[frame] - before.min() > _ATTACK_DB
        if rises and frame - last > _BETWEEN_ATTACKS_FRAMES:
            last = frame - _ATTACK_FRAMES + int(before.argmin())
            if last > _BETWEEN_ATTACKS_FRAMES:
                found.add(last)
            last = frame
    return found


def _steady(
    states: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", attacks: set[int]
) -> Iterator[tuple[int, int]]:
    first = 0
    for frame in range(1, len(states) + 1):
        if frame == len(states) or states[frame] != states[first] or frame in attacks:
            yield first, frame
            first = frame
