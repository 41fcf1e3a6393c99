"""Sounds notes: an instrument of the font, or a tone of our own, evened out in loudness."""

from typing import Final, Protocol

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.library import SampleLibrary
from webapp.engines.sketch.music.sampler import SAMPLE_RATE, Sampler
from webapp.engines.sketch.music.soundfont import SoundFontError
from webapp.engines.sketch.music.styles import Instrument
from webapp.engines.sketch.music.tones import NoteRenderer

_REFERENCE_S, _REFERENCE_VELOCITY = 0.8, 0.7
_REFERENCE_RMS: Final = 0.1
_LEAST_RMS = 1e-4
_ENDING_FRAMES = 200


class Player(Protocol):
    """Whoever sounds the notes of one part."""

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        """One note of shape (1 or 2, frames), its release included. ``velocity`` runs from 0 to 1."""
        ...


class SampledPlayer:
    """Plays a preset of the font."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        return self._sampler.note(pitch, velocity, duration_s)[None]


class SynthesisedPlayer:
    """Plays a tone of our own."""

    def __init__(self, tone: str, seed: int) -> None:
        self._renderer = NoteRenderer(tone, seed)

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        loudness = np.float32(velocity**1.4)
        sound: Samples = self._renderer.note(pitch, duration_s, velocity) * loudness
        return sound


class EvenPlayer:
    """Another player, at such a gain that instruments are alike in loudness."""

    def __init__(self, player: Player, instrument: Instrument) -> None:
        self._player = player
        low, high = instrument.range
        middle = player.note((low + high) // 2, _REFERENCE_VELOCITY, _REFERENCE_S)
        rms = float(np.sqrt(np.mean(middle[:, : round(_REFERENCE_S * SAMPLE_RATE)] ** 2)))
        self._gain = np.float32(_REFERENCE_RMS / max(rms, _LEAST_RMS) * 10 ** (instrument.gain_db / 20))

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        sound = self._player.note(pitch, velocity, duration_s) * self._gain
        last = min(_ENDING_FRAMES, sound.shape[1])
        sound[:, -last:] *= np.linspace(1, 0, last, dtype=np.float32)
        return sound


def player_for(instrument: Instrument, samples: SampleLibrary, seed: int) -> Player:
    """Return a player; our own tone where the font has no such instrument or is not there."""
    if instrument.program is not None:
        try:
            sampler = samples.sampler(0, instrument.program)
            if sampler is not None:
                return EvenPlayer(SampledPlayer(sampler), instrument)
        except (SoundFontError, ValueError):
            # Said once when the font was opened; the tone stands in.
            pass
    return EvenPlayer(SynthesisedPlayer(instrument.tone, seed), instrument)
