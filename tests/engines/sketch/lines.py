"""Hummed and played lines with known notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from webapp.audio.waveform import Waveform
from webapp.engines.sketch.music.instruments.players import player_for
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE
from webapp.engines.sketch.music.instruments.samples import sample_library
from webapp.engines.sketch.music.styles import instruments
from webapp.engines.sketch.music.theory import frequency_hz

RATE: Final = 44_100


@dataclass(frozen=True, slots=True)
class Line:
    """Notes as pitch and beats, at a tempo. `by` is who performs it: hum, whistle, or an instrument."""

    name: str
    by: str
    tempo_bpm: float
    notes: tuple[tuple[int, float], ...]
    cents: float = 0.0

    @property
    def pitches(self) -> list[int]:
        return [pitch for pitch, _ in self.notes]


ODE: Final = (
    (64, 1), (64, 1), (65, 1), (67, 1), (67, 1), (65, 1), (64, 1), (62, 1), (60, 1), (60, 1), (62, 1),
    (64, 1), (64, 1.5), (62, 0.5), (62, 2),
)  # fmt: skip
FRERE: Final = (
    (60, 1),
    (62, 1),
    (64, 1),
    (60, 1),
    (60, 1),
    (62, 1),
    (64, 1),
    (60, 1),
    (64, 1),
    (65, 1),
    (67, 2),
)
TWINKLE: Final = ((60, 1), (60, 1), (67, 1), (67, 1), (69, 1), (69, 1), (67, 2), (65, 1), (65, 1), (64, 1),
                  (64, 1), (62, 1), (62, 1), (60, 2))  # fmt: skip
MINOR: Final = ((57, 1), (60, 0.5), (62, 0.5), (64, 1.5), (62, 0.5), (60, 1), (59, 1), (57, 2))
LEAPS: Final = ((55, 1), (67, 1), (62, 0.5), (59, 0.5), (64, 1), (57, 1), (62, 1), (55, 2))
CHROMATIC: Final = (
    (60, 1),
    (61, 0.5),
    (62, 0.5),
    (63, 0.5),
    (64, 0.5),
    (67, 1),
    (66, 0.5),
    (65, 0.5),
    (64, 1),
    (60, 2),
)
_SCALE: Final = (60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 67, 72, 67, 64)
EIGHTHS: Final = (*((pitch, 0.5) for pitch in _SCALE), (60, 2.0))


def moved(notes: Sequence[tuple[int, float]], by: int) -> tuple[tuple[int, float], ...]:
    return tuple((pitch + by, beats) for pitch, beats in notes)


LINES: Final = (
    Line("a low hum", "hum", 90, moved(ODE, -12)),
    Line("a hum out of tune", "hum", 100, moved(FRERE, -7), cents=-38),
    Line("a high hum", "hum", 110, moved(TWINKLE, 2), cents=25),
    Line("a hum in minor", "hum", 84, MINOR),
    Line("a whistle", "whistle", 120, moved(ODE, 19)),
    Line("a whistle with leaps", "whistle", 100, moved(LEAPS, 17)),
    Line("a piano", "piano", 112, EIGHTHS),
    Line("a flute", "flute", 96, moved(CHROMATIC, 7)),
    Line("a guitar", "acoustic guitar", 108, moved(TWINKLE, -5)),
    Line("a clarinet", "clarinet", 126, moved(FRERE, 3)),
)


def performed(line: Line, seed: int = 1) -> Waveform:
    """The sound of a line, with the faults of those who hum: vibrato, glides, breath, uneven time."""
    rng = np.random.default_rng(seed)
    beat_s = 60 / line.tempo_bpm
    total_s = sum(beats for _, beats in line.notes) * beat_s + 1.0
    if line.by in ("hum", "whistle"):
        samples = _sung(line, beat_s, total_s, rng)
    else:
        samples = _played(line, beat_s, total_s)
    noise = rng.normal(0, 0.0015, len(samples))
    return Waveform((samples + noise).astype(np.float32)[None], RATE)


def _sung(line: Line, beat_s: float, total_s: float, rng: np.random.Generator) -> np.ndarray:
    frames = round(total_s * RATE)
    pitch, loudness = np.zeros(frames), np.zeros(frames)
    at_s, before = 0.2, None
    for number, beats in line.notes:
        late_s = float(rng.normal(0, 0.012))
        begin = round(max(0.0, at_s + late_s) * RATE)
        end = min(frames, round((at_s + beats * beat_s) * RATE))
        goal = number + line.cents / 100 + float(rng.normal(0, 0.08))
        pitch[begin:] = goal
        if before is not None:
            glide = min(round(0.05 * RATE), end - begin)
            pitch[begin : begin + glide] = np.linspace(before, goal, glide)
        # A consonant, an "m" or a breath, sets the notes apart.
        shape = np.minimum(1, np.arange(end - begin) / (0.03 * RATE))
        shape *= np.minimum(1, np.arange(end - begin)[::-1] / (0.05 * RATE))
        loudness[begin:end] = shape * float(rng.uniform(0.7, 1))
        at_s, before = at_s + beats * beat_s, goal
    time_s = np.arange(frames) / RATE
    pitch += 0.25 * np.sin(2 * np.pi * 5.5 * time_s) + np.cumsum(rng.normal(0, 0.0006, frames)) * 0.2
    phase = 2 * np.pi * np.cumsum(frequency_hz(0) * 2 ** (pitch / 12)) / RATE
    partials = {1: 1.0} if line.by == "whistle" else {1: 0.6, 2: 1.0, 3: 0.5, 4: 0.25, 5: 0.12, 6: 0.06}
    tone = sum(level * np.sin(number * phase) for number, level in partials.items())
    breath = rng.normal(0, 0.03, frames)
    sung: np.ndarray = 0.2 * loudness * (tone + breath)
    return sung


def _played(line: Line, beat_s: float, total_s: float) -> np.ndarray:
    player = player_for(instruments()[line.by], sample_library(), 3)
    mix = np.zeros(round(total_s * RATE) + 10 * RATE)
    at_s = 0.2
    for pitch, beats in line.notes:
        sound = player.play(pitch, 0.7, 0.92 * beats * beat_s).mean(axis=0)
        places = np.arange(0, len(sound), SAMPLE_RATE / RATE)
        sound = np.interp(places, np.arange(len(sound)), sound)
        begin = round(at_s * RATE)
        mix[begin : begin + len(sound)] += sound
        at_s += beats * beat_s
    mix = mix[: round(total_s * RATE)]
    played: np.ndarray = 0.5 * mix / np.abs(mix).max()
    return played
