"""Sounds notes: an instrument of the font, or a tone of our own, evened out in loudness."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE, Manner, Sampler
from webapp.engines.sketch.music.instruments.samples import SampleLibrary
from webapp.engines.sketch.music.instruments.soundfont import SoundFontError
from webapp.engines.sketch.music.instruments.tones import NoteRenderer
from webapp.engines.sketch.music.styles import Instrument

_REFERENCE_S, _REFERENCE_VELOCITY = 0.8, 0.7
_REFERENCE_RMS: Final = 0.1
_LEAST_RMS = 1e-4
_ENDING_FRAMES = 200
_SECTION_CENTS: Final = 7.0
# No two players agree quite on a pitch, or on how fast vibrato is.
_PLAYERS: Final = ((0.0, 5.1), (5.0, 5.5), (-4.0, 4.7))


class Player(Protocol):
    """Whoever sounds the notes of one part."""

    def play(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        """One note of shape (1 or 2, frames), its release included. ``velocity`` runs from 0 to 1."""
        ...


class SampledPlayer:
    """Plays a preset of the font: one sampler, or two for the two sides of a section of players."""

    def __init__(self, *samplers: Sampler) -> None:
        self._samplers = samplers

    def play(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        sides = [sampler.play(pitch, velocity, duration_s) for sampler in self._samplers]
        frames = min(map(len, sides))
        return np.stack([side[:frames] for side in sides])


class AlternatingPlayer:
    """Several players of one instrument who share its pitches: notes of a chord are not quite alike."""

    def __init__(self, players: Sequence[SampledPlayer]) -> None:
        self._players = players

    def play(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        return self._players[pitch % len(self._players)].play(pitch, velocity, duration_s)


class SynthesisedPlayer:
    """Plays a tone of our own."""

    def __init__(self, tone: str, seed: int) -> None:
        self._renderer = NoteRenderer(tone, seed)

    def play(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        loudness = np.float32(velocity**1.4)
        sound: Samples = self._renderer.play(pitch, duration_s, velocity) * loudness
        return sound


class EvenPlayer:
    """Another player, at such a gain that instruments are alike in loudness."""

    def __init__(self, player: Player, instrument: Instrument) -> None:
        self._player = player
        low, high = instrument.range
        middle = player.play((low + high) // 2, _REFERENCE_VELOCITY, _REFERENCE_S)
        rms = float(np.sqrt(np.mean(middle[:, : round(_REFERENCE_S * SAMPLE_RATE)] ** 2)))
        self._gain = np.float32(_REFERENCE_RMS / max(rms, _LEAST_RMS) * 10 ** (instrument.gain_db / 20))

    def play(self, pitch: int, velocity: float, duration_s: float) -> Samples:
        sound = self._player.play(pitch, velocity, duration_s) * self._gain
        last = min(_ENDING_FRAMES, sound.shape[1])
        sound[:, -last:] *= np.linspace(1, 0, last, dtype=np.float32)
        return sound


def player_for(instrument: Instrument, samples: SampleLibrary, seed: int) -> EvenPlayer:
    """Return a player; our own tone where the font has no such instrument or is not there."""
    if instrument.program is not None:
        try:
            if sampled := _sampled(instrument, instrument.program, samples, seed):
                return EvenPlayer(sampled, instrument)
        except (SoundFontError, ValueError):
            # Said once when the font was opened; the tone stands in.
            pass
    return EvenPlayer(SynthesisedPlayer(instrument.tone, seed), instrument)


def _sampled(instrument: Instrument, program: int, samples: SampleLibrary, seed: int) -> Player | None:
    """Those who play the font's preset: two sides of a section, several who share pitches, or one."""

    def player(*sides: tuple[int, float, float]) -> SampledPlayer | None:
        found = [
            samples.sampler(instrument.bank, number, _manner(instrument, cents, vibrato_hz))
            for number, cents, vibrato_hz in sides
        ]
        present = [sampler for sampler in found if sampler is not None]
        return SampledPlayer(*present) if present else None

    if instrument.is_section:
        other = program if instrument.beside is None else instrument.beside
        return player((program, -_SECTION_CENTS, 5.0), (other, _SECTION_CENTS, 5.4))
    if not instrument.vibrato_cents:
        # Struck and plucked instruments are tuned beforehand.
        return player((program, _PLAYERS[seed % 3][0] if instrument.sustains else 0.0, 5.1))
    turned = (*_PLAYERS[seed % 3 :], *_PLAYERS[: seed % 3])
    players = [player((program, cents, vibrato_hz)) for cents, vibrato_hz in turned]
    present = [one for one in players if one is not None]
    return AlternatingPlayer(present) if present else None


def _manner(instrument: Instrument, detune_cents: float, vibrato_hz: float) -> Manner:
    return Manner(
        detune_cents, instrument.vibrato_cents, vibrato_hz, instrument.scoop_cents, instrument.accent,
        instrument.steepening, instrument.release_s,
    )  # fmt: skip
