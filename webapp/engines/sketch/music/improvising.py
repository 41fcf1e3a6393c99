"""Lines as jazz players make them up: swung eighths from chord note to chord note, and breath between."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from webapp.engines.sketch.music.piece import PiecePart
from webapp.engines.sketch.music.setting import Event, Setting, tonic_of
from webapp.engines.sketch.music.theory import scale_pitch

_LOWEST, _HIGHEST = -4, 11
_PHRASE_EIGHTHS, _BREATH_EIGHTHS = (6, 20), (2, 6)
_TURN, _HOLD, _LEAP, _FROM_BESIDE = 0.22, 0.16, 0.22, 0.3
_LENGTH: Final = 0.46


def improvised(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """A line over the chords of every bar in which the part plays."""
    tonic, mode = tonic_of(setting, part), setting.piece.mode
    step, way, left, breath = 2, 1, int(rng.integers(*_PHRASE_EIGHTHS)), 0
    for bar, first in setting.bars(part):
        if bar == setting.form.closing_bar:
            yield Event(first, float(setting.beats), tonic)
            continue
        held = 0
        for eighth in range(2 * setting.beats):
            if held or breath:
                held, breath = max(0, held - 1), max(0, breath - 1)
                continue
            if not left:
                left, breath = int(rng.integers(*_PHRASE_EIGHTHS)), int(rng.integers(*_BREATH_EIGHTHS))
                continue
            left -= 1
            strong = eighth % 4 == 0
            way = -way if rng.random() < (_TURN if strong else _TURN / 3) else way
            step += way * (2 if rng.random() < _LEAP else 1)
            if not _LOWEST <= step <= _HIGHEST:
                way = 1 if step < _LOWEST else -1
                step += 4 * way
            step = _onto_chord(step, setting.chords[bar].root, way) if strong else step
            pitch = scale_pitch(tonic, mode, step)
            if eighth % 4 == 3 and rng.random() < _FROM_BESIDE:
                # The next strong note is come at from a semitone away.
                pitch = scale_pitch(tonic, mode, step + way) - way
            held = int(rng.random() < _HOLD and eighth % 2 == 0)
            accent = (0.05 if eighth % 2 else -0.03) + float(rng.normal(0, 0.05))
            yield Event(first + eighth / 2, _LENGTH * (1 + held), pitch, accent)


def _onto_chord(step: int, root: int, way: int) -> int:
    degrees = {(root + third) % 7 for third in (0, 2, 4, 6)}
    return next((near for near in (step, step + way, step - way) if near % 7 in degrees), step)
