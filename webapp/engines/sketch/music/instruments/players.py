"""Sounds notes: an instrument of the font, or a tone of our own, evened out in loudness."""

from typing import Final, Protocol

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE, Sampler
from webapp.engines.sketch.music.instruments.samples import SampleLibrary
from webapp.engines.sketch.music.instruments.soundfont import SoundFontError
from webapp.engines.sketch.music.instruments.tones import NoteRenderer
from webapp.engines.sketch.music.styles import Instrument

_REFERENCE_S, _REFERENCE_VELOCITY = 0.8, 0.7
_REFERENCE_RMS: Final = 0.1
_LEAST_RMS = 1e-4
_ENDING_FRAMES = 200
_SECTION_CENTS: Final = 7.0
_PLAYER_CENTS: Final = (0.0, 4.0, -4.0)


class Player(Protocol):
    """Whoever sounds the notes of one part."""

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        """One note of shape (1 or 2, frames), its release included. ``velocity`` runs from 0 to 1."""
        ...


class SampledPlayer:
    """Plays a preset of the font: one sampler, or two for the two sides of a section of players."""

    def __init__(self, *samplers: Sampler) -> None:
        self._samplers = samplers

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        sides = [sampler.note(pitch, velocity, duration_s) for sampler in self._samplers]
        frames = min(map(len, sides))
        return np.stack([side[:frames] for side in sides])


class SynthesisedPlayer:
    """Plays a tone of our own."""

    def __init__(self, tone: str, seed: int) -> None:
        self._renderer = NoteRenderer(tone, seed)

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        loudness = np.float32(velocity**1.4)
        sound: Samples = self._renderer.note(pitch, duration_s, velocity) * loudness
        return sound


class EvenPlayer:
    """Another player, at such a gain that instruments are alike in loudness.

    ``drive`` is how far an amplifier is to bend the sum of its notes.
    """

    def __init__(self, player: Player, instrument: Instrument, drive: float = 0.0) -> None:
        self._player = player
        self.drive = drive
        low, high = instrument.range
        middle = player.note((low + high) // 2, _REFERENCE_VELOCITY, _REFERENCE_S)
        rms = float(np.sqrt(np.mean(middle[:, : round(_REFERENCE_S * SAMPLE_RATE)] ** 2)))
        self._gain = np.float32(_REFERENCE_RMS / max(rms, _LEAST_RMS) * 10 ** (instrument.gain_db / 20))

    def note(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        sound = self._player.note(pitch, velocity, duration_s) * self._gain
        last = min(_ENDING_FRAMES, sound.shape[1])
        sound[:, -last:] *= np.linspace(1, 0, last, dtype=np.float32)
        return sound


def player_for(instrument: Instrument, samples: SampleLibrary, seed: int) -> EvenPlayer:
    """Return a player; our own tone where the font has no such instrument or is not there."""
    if instrument.program is not None:
        try:
            other = instrument.program if instrument.beside is None else instrument.beside
            left, right = (instrument.program, -_SECTION_CENTS), (other, _SECTION_CENTS)
            # No two players agree quite on a pitch; struck and plucked instruments are tuned beforehand.
            alone = (instrument.program, _PLAYER_CENTS[seed % 3] if instrument.sustains else 0.0)
            sides = [
                samples.sampler(0, program, detune_cents=cents, vibrato_cents=instrument.vibrato_cents)
                for program, cents in ((left, right) if instrument.is_section else (alone,))
            ]
            if present := [sampler for sampler in sides if sampler is not None]:
                return EvenPlayer(SampledPlayer(*present), instrument)
        except (SoundFontError, ValueError):
            # Said once when the font was opened; the tone stands in.
            pass
    return EvenPlayer(SynthesisedPlayer(instrument.tone, seed), instrument, drive=instrument.drive)
