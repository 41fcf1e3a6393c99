"""Pitched instruments. A note is rendered once per pitch, length and velocity layer, then reused."""

from dataclasses import dataclass

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.buzzing import Buzzed, buzzed
from webapp.engines.sketch.music.instruments.synthesis import (
    SAMPLE_RATE,
    FloatArray,
    band_gain,
    damped_partials,
    envelope,
    noise_frequencies_hz,
    shaped_noise,
    warped_harmonics,
)
from webapp.engines.sketch.music.theory import frequency_hz

VELOCITY_LAYERS = 4
_LENGTH_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Struck:
    """Plucked, struck and bell-like sounds: damped partials.

    Partial k has the amplitude ``k ** -slope`` and its own ``ratios`` (empty: harmonics stretched by
    ``stiffness``). ``ring_s`` is the fundamental's decay by 60 dB at middle C; higher partials decay
    ``damping`` times faster per partial. ``strike`` is where it is hit, as a share of the string.
    """

    partials: int
    slope: float
    ring_s: float
    damping: float = 0.35
    stiffness: float = 0.0
    strike: float = 0.0
    ratios: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    click: float = 0.0
    pedal_s: float = 0.25
    range: tuple[int, int] = (36, 96)


@dataclass(frozen=True, slots=True)
class Blown:
    """One player holding a note: harmonics, vibrato that sets in late, breath."""

    harmonics: tuple[float, ...]
    attack_s: float
    release_s: float
    vibrato_cents: float
    vibrato_hz: float = 5.2
    breath: float = 0.0
    range: tuple[int, int] = (60, 86)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Many slightly different players or oscillators, in stereo, without an audible beat of their own."""

    harmonics: int
    slope: float
    attack_s: float
    release_s: float
    voices: int = 3
    detune_cents: float = 8.0
    odd_only: bool = False
    formants_hz: tuple[float, ...] = ()
    range: tuple[int, int] = (43, 84)


Tone = Struck | Blown | Ensemble | Buzzed

TONES: dict[str, Tone] = {
    "piano": Struck(
        14, 1.15, 7.0, 0.22, stiffness=4e-4, strike=0.12, click=0.02, pedal_s=0.5, range=(33, 90)
    ),
    "electric piano": Struck(
        6, 1.7, 4.5, 0.5, ratios=(1, 2, 3, 4, 7, 14), weights=(1, 0.28, 0.1, 0.05, 0.06, 0.05), pedal_s=0.2
    ),
    "harpsichord": Struck(20, 0.6, 3.0, 0.1, stiffness=1e-4, strike=0.09, click=0.02, pedal_s=0.1),
    "guitar": Struck(
        16, 1.05, 3.6, 0.35, stiffness=6e-5, strike=0.18, click=0.012, pedal_s=0.35, range=(40, 79)
    ),
    "pluck": Struck(14, 0.9, 1.6, 0.4, strike=0.14, click=0.015, range=(43, 88)),
    "harp": Struck(10, 1.4, 3.6, 0.4, strike=0.3, pedal_s=1.2, range=(36, 93)),
    "bass": Struck(10, 1.35, 3.5, 0.5, strike=0.2, click=0.012, pedal_s=0.06, range=(28, 52)),
    "bell": Struck(
        7,
        0,
        7.0,
        0.25,
        ratios=(0.5, 1, 1.2, 1.5, 2, 2.74, 4.1),
        weights=(0.3, 1, 0.45, 0.25, 0.6, 0.3, 0.2),
        pedal_s=3.0,
        range=(60, 90),
    ),
    # Each mode of a bowl is a pair that beats slowly.
    "bowl": Struck(
        8,
        0,
        14.0,
        0.12,
        ratios=(1, 1.006, 2.71, 2.722, 5.03, 5.05, 7.9, 7.93),
        weights=(1, 0.8, 0.6, 0.5, 0.25, 0.2, 0.08, 0.06),
        pedal_s=6.0,
        range=(48, 76),
    ),
    "music box": Struck(
        4, 0, 3.0, 0.9, ratios=(1, 2.76, 5.4, 8.9), weights=(1, 0.35, 0.18, 0.08), pedal_s=1.5, range=(72, 98)
    ),
    "vibraphone": Struck(
        3, 0, 5.0, 1.2, ratios=(1, 4, 10), weights=(1, 0.3, 0.06), pedal_s=1.0, range=(53, 89)
    ),
    "marimba": Struck(
        3, 0, 1.4, 1.5, ratios=(1, 3.93, 9.5), weights=(1, 0.3, 0.1), click=0.015, pedal_s=0.4, range=(48, 91)
    ),
    "flute": Blown((1, 0.42, 0.16, 0.07, 0.03, 0.015), 0.055, 0.12, 14, breath=0.035, range=(60, 91)),
    "clarinet": Blown(
        (1, 0.05, 0.55, 0.06, 0.32, 0.06, 0.18, 0.05, 0.1), 0.035, 0.09, 4, breath=0.01, range=(52, 84)
    ),
    "oboe": Blown(
        (0.7, 0.9, 1, 0.65, 0.45, 0.3, 0.22, 0.15, 0.1, 0.06), 0.03, 0.09, 12, breath=0.008, range=(58, 84)
    ),
    "trumpet": Blown(
        (0.8, 1, 0.9, 0.75, 0.6, 0.45, 0.33, 0.24, 0.16, 0.1, 0.06), 0.03, 0.1, 9, range=(55, 82)
    ),
    "horn": Blown((1, 0.75, 0.45, 0.28, 0.15, 0.09, 0.05), 0.06, 0.15, 5, range=(43, 74)),
    "violin": Blown(
        (1, 0.62, 0.5, 0.42, 0.32, 0.26, 0.2, 0.15, 0.12, 0.09, 0.07, 0.05),
        0.07,
        0.16,
        18,
        5.8,
        breath=0.008,
        range=(55, 93),
    ),
    "cello": Blown(
        (1, 0.8, 0.55, 0.42, 0.34, 0.25, 0.2, 0.15, 0.1, 0.08, 0.05),
        0.09,
        0.2,
        14,
        5.2,
        breath=0.008,
        range=(36, 67),
    ),
    "theremin": Blown((1, 0.22, 0.08, 0.03, 0.01), 0.12, 0.25, 45, 6.0, range=(55, 88)),
    "didgeridoo": Buzzed(),
    "lead": Ensemble(22, 1.05, 0.006, 0.1, voices=2, detune_cents=6, range=(50, 86)),
    "chip": Ensemble(24, 1.0, 0.002, 0.02, voices=1, detune_cents=0, odd_only=True, range=(48, 96)),
    "synth bass": Ensemble(14, 1.25, 0.004, 0.06, voices=1, detune_cents=3, range=(26, 50)),
    "sine": Ensemble(1, 1.0, 0.01, 0.05, voices=1, detune_cents=0, range=(36, 100)),
    "organ": Ensemble(9, 0.75, 0.012, 0.08, voices=1, detune_cents=2, range=(36, 84)),
    "strings": Ensemble(16, 1.25, 0.22, 0.5, voices=4, detune_cents=11, range=(40, 86)),
    "pad": Ensemble(12, 1.6, 0.5, 1.0, voices=3, detune_cents=9, range=(43, 80)),
    "choir": Ensemble(
        14, 1.1, 0.25, 0.5, voices=4, detune_cents=12, formants_hz=(750, 1150, 2700), range=(45, 79)
    ),
}


class NoteRenderer:
    """Renders and keeps the notes of one part; ``seed`` decides phases, detuning and breath."""

    def __init__(self, instrument: str, seed: int) -> None:
        self.tone = TONES[instrument]
        self._seed = seed
        self._kept: dict[tuple[int, int, int], Samples] = {}

    def play(self, pitch: int, duration_s: float, velocity: float) -> Samples:
        """A note of shape (1 or 2, frames), its release included, at about unit level."""
        layer = min(VELOCITY_LAYERS - 1, int(velocity * VELOCITY_LAYERS))
        steps = max(1, round(duration_s / _LENGTH_STEP_S))
        key = (pitch, steps, layer)
        if key not in self._kept:
            rng = np.random.default_rng([self._seed, *key])
            brightness = (layer + 0.5) / VELOCITY_LAYERS
            self._kept[key] = _render(self.tone, pitch, steps * _LENGTH_STEP_S, brightness, rng)
        return self._kept[key]


def _render(
    tone: Tone, pitch: int, duration_s: float, brightness: float, rng: np.random.Generator
) -> Samples:
    if isinstance(tone, Struck):
        return _struck(tone, pitch, duration_s, brightness, rng)
    if isinstance(tone, Buzzed):
        return buzzed(tone, pitch, duration_s, brightness, rng)
    if isinstance(tone, Blown):
        return _blown(tone, pitch, duration_s, brightness, rng)
    return _ensemble(tone, pitch, duration_s, brightness, rng)


def _struck(
    tone: Struck, pitch: int, duration_s: float, brightness: float, rng: np.random.Generator
) -> Samples:
    k = np.arange(1, tone.partials + 1, dtype=np.float64)
    ratios = np.array(tone.ratios) if tone.ratios else k * np.sqrt(1 + tone.stiffness * k * k)
    amplitudes = np.array(tone.weights) if tone.weights else k**-tone.slope
    if tone.strike:
        amplitudes = amplitudes * np.abs(np.sin(np.pi * k * tone.strike)) / np.sin(np.pi * tone.strike)
    amplitudes = amplitudes * np.exp((brightness - 0.75) * 0.35 * (k - 1))
    ring_s = tone.ring_s * 2 ** ((60 - pitch) / 24)
    decays = 6.9 / ring_s * (1 + tone.damping * (k - 1))
    frames = round(min(duration_s + tone.pedal_s, ring_s) * SAMPLE_RATE)
    phases = rng.uniform(-0.3, 0.3, tone.partials)
    sound = damped_partials(ratios * frequency_hz(pitch), decays, amplitudes, phases, frames)
    if tone.click:
        _add_click(sound, tone.click * brightness * 4, rng)
    sound *= envelope(frames, 0.002, tone.pedal_s, min(frames, round(duration_s * SAMPLE_RATE)))
    return (sound / np.float32(np.sqrt(np.sum(amplitudes**2))))[None]


def _add_click(sound: Samples, level: float, rng: np.random.Generator) -> None:
    frames = min(sound.size, round(0.03 * SAMPLE_RATE))
    decay = np.exp(-np.arange(frames, dtype=np.float32) / np.float32(0.006 * SAMPLE_RATE))
    noise = np.convolve(
        rng.standard_normal(frames + 7, np.float32), np.full(8, 0.35, np.float32), mode="valid"
    )
    sound[:frames] += np.float32(level) * noise[:frames] * decay


def _blown(
    tone: Blown, pitch: int, duration_s: float, brightness: float, rng: np.random.Generator
) -> Samples:
    held = round(duration_s * SAMPLE_RATE)
    frames = held + round(tone.release_s * SAMPLE_RATE)
    time_s = np.arange(frames) / SAMPLE_RATE
    onset = np.clip((time_s - 0.18) / 0.4, 0.0, 1.0)
    vibrato = tone.vibrato_cents * onset * np.sin(2 * np.pi * tone.vibrato_hz * time_s + rng.uniform(0, 6.28))
    phase = 2 * np.pi * np.cumsum(frequency_hz(pitch) * 2 ** (vibrato / 1200)) / SAMPLE_RATE
    k = np.arange(len(tone.harmonics))
    harmonics = np.array(tone.harmonics) * np.exp((brightness - 0.65) * 0.3 * k)
    harmonics = harmonics[(k + 1) * frequency_hz(pitch) < 0.45 * SAMPLE_RATE]
    sound = warped_harmonics(phase, harmonics) / np.float32(np.sqrt(np.sum(harmonics**2)))
    if tone.breath:
        sound += np.float32(tone.breath) * _breath(frames, pitch, rng)
    sound *= 1 + (0.006 * vibrato).astype(np.float32)
    return (sound * envelope(frames, tone.attack_s, tone.release_s, held))[None]


def _breath(frames: int, pitch: int, rng: np.random.Generator) -> Samples:
    frequencies = noise_frequencies_hz(frames)
    centre = frequency_hz(pitch)
    (noise,) = shaped_noise(rng, 1, frames, [band_gain(frequencies, centre * 1.5, centre * 6, 1.5)])
    even: Samples = noise[0] / np.float32(noise.std() + 1e-9)
    return even


def _ensemble(
    tone: Ensemble, pitch: int, duration_s: float, brightness: float, rng: np.random.Generator
) -> Samples:
    held = round(duration_s * SAMPLE_RATE)
    frames = held + round(tone.release_s * SAMPLE_RATE)
    k = np.arange(1, tone.harmonics + 1, dtype=np.float64)
    if tone.odd_only:
        k = 2 * k - 1
    amplitudes = k ** -(tone.slope + 0.5 * (0.6 - brightness)) * _formants(tone, k * frequency_hz(pitch))
    channels = 1 if tone.voices == 1 else 2
    sides = []
    for _ in range(channels):
        cents = rng.uniform(-1, 1, (tone.voices, 1)) * tone.detune_cents
        frequencies = (k * frequency_hz(pitch) * 2 ** (cents / 1200)).ravel()
        phases = rng.uniform(0, 2 * np.pi, frequencies.size)
        weights = np.tile(amplitudes, tone.voices) / np.sqrt(tone.voices * np.sum(amplitudes**2))
        sides.append(damped_partials(frequencies, np.zeros(frequencies.size), weights, phases, frames))
    return np.stack(sides) * envelope(frames, tone.attack_s, tone.release_s, held)


def _formants(tone: Ensemble, frequencies_hz: FloatArray) -> FloatArray:
    if not tone.formants_hz:
        return np.ones(frequencies_hz.size)
    gain = np.full(frequencies_hz.size, 0.12)
    for centre in tone.formants_hz:
        gain += np.exp(-((frequencies_hz - centre) ** 2) / (2 * (0.18 * centre) ** 2))
    return gain
