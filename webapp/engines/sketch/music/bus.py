"""The mix: reverb, ducking, compression and saturation, section by section with state in between."""

import math
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfilt

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.sampler import SAMPLE_RATE

_LONGEST_TAIL_S = 2.4
_BLOCK: Final = 256


class Tape:
    """A buffer that moves on: sounds are laid onto it ahead, and what is over is taken off."""

    def __init__(self) -> None:
        self._samples: Samples = np.zeros((2, 4 * SAMPLE_RATE), np.float32)
        self._at = 0

    def lay(self, sound: Samples, at: int) -> None:
        """Add a sound of shape (1 or 2, frames) ``at`` frames ahead."""
        self._reach(at + sound.shape[1])
        begin = self._at + at
        self._samples[:, begin : begin + sound.shape[1]] += sound

    def take(self, frames: int) -> Samples:
        """Take the next frames off, shape (2, frames)."""
        self._reach(frames)
        taken = self._samples[:, self._at : self._at + frames].copy()
        self._at += frames
        return taken

    def _reach(self, frames: int) -> None:
        """Make room for so many frames ahead; what is over goes."""
        if self._at + frames <= self._samples.shape[1]:
            return
        rest = self._samples[:, self._at :]
        self._samples = np.zeros((2, 2 * max(frames, rest.shape[1], SAMPLE_RATE)), np.float32)
        self._samples[:, : rest.shape[1]] = rest
        self._at = 0


class Reverb:
    """A room as a decaying stereo noise, its treble dying before its bass; 0 is dry, 1 a cathedral."""

    def __init__(self, space: float) -> None:
        self._response = _room(round(space, 2))
        self._wet = np.float32(0.5 * space)
        self._tape = Tape()
        self._spectra: dict[int, tuple[int, npt.NDArray[np.complex64]]] = {}

    def __call__(self, send: Samples) -> Samples:
        """The echoes of what is sent, as far as they sound during it."""
        frames = send.shape[1]
        if frames not in self._spectra:
            size = next_fast_len(frames + self._response.shape[1], real=True)
            self._spectra[frames] = (size, rfft(self._response, size))
        size, spectrum = self._spectra[frames]
        tail = irfft(rfft(send, size) * spectrum, size)[:, : frames + self._response.shape[1]]
        self._tape.lay((self._wet * tail).astype(np.float32), 0)
        return self._tape.take(frames)


@lru_cache(maxsize=8)
def _room(space: float) -> Samples:
    rng = np.random.default_rng(round(100 * space))
    frames = round(_LONGEST_TAIL_S * (0.3 + 0.7 * space) * SAMPLE_RATE)
    time_s = np.arange(frames, dtype=np.float32) / np.float32(SAMPLE_RATE)
    bright = rng.standard_normal((2, frames), np.float32)
    dark = np.cumsum(bright, axis=1)
    dark[:, 10:] -= dark[:, :-10].copy()
    decay_s = 0.1 + 0.34 * space
    response = 0.35 * bright * np.exp(-time_s / np.float32(decay_s * 0.45))
    response += 0.28 * dark * np.exp(-time_s / np.float32(decay_s))
    response *= np.minimum(1, time_s / (0.008 + 0.02 * space))
    normalised: Samples = response / np.float32(np.sqrt(np.sum(response**2, dtype=np.float64) / 2))
    return normalised


class HighPass:
    """Takes away what is too low to be heard, and any offset."""

    def __init__(self, lowest_hz: float) -> None:
        self._sos = butter(1, lowest_hz, "highpass", fs=SAMPLE_RATE, output="sos")
        self._state = np.zeros((1, 2, 2))

    def __call__(self, samples: Samples) -> Samples:
        passed, self._state = sosfilt(self._sos, samples, zi=self._state)
        return np.asarray(passed, np.float32)


class Compressor:
    """Levels the whole mix a little: what is above the threshold is held back by ``ratio``."""

    def __init__(self, threshold_db: float = -15.0, ratio: float = 2.2) -> None:
        self._threshold_db, self._slope = threshold_db, 1 - 1 / ratio
        self._attack = 1 - math.exp(-_BLOCK / SAMPLE_RATE / 0.012)
        self._release = 1 - math.exp(-_BLOCK / SAMPLE_RATE / 0.18)
        self._held_db = 0.0

    def __call__(self, samples: Samples) -> Samples:
        frames = samples.shape[1]
        blocks = -(-frames // _BLOCK)
        padded = np.zeros((2, blocks * _BLOCK), np.float32)
        padded[:, :frames] = samples
        power = (padded.reshape(2, blocks, _BLOCK) ** 2).mean(axis=(0, 2))
        wanted_db = self._slope * np.maximum(0, 10 * np.log10(power + 1e-10) + 3 - self._threshold_db)
        gains_db = [self._held_db]
        for wanted in wanted_db:
            rate = self._attack if wanted > self._held_db else self._release
            self._held_db += rate * (float(wanted) - self._held_db)
            gains_db.append(self._held_db)
        places = np.arange(frames) / _BLOCK
        curve = np.interp(places, np.arange(blocks + 1), gains_db)
        levelled: Samples = samples * (10 ** (-curve / 20)).astype(np.float32)
        return levelled


def pump(frames: int, start: int, kicks: list[tuple[int, float]], depth: float, beat_s: float) -> Samples:
    """The gain that ducks under each kick and swells back within the beat, for frames from ``start`` on."""
    gain = np.ones(frames, np.float32)
    swell = max(1, round(0.8 * beat_s * SAMPLE_RATE))
    places = np.arange(start, start + frames)
    for at, velocity in kicks:
        since = (places - at) / swell
        ducked = 1 - depth * velocity * np.clip(1 - since, 0, 1) ** 1.5
        gain = np.where((since >= 0) & (since < 1), np.minimum(gain, ducked), gain).astype(np.float32)
    return gain


def saturated(samples: Samples, drive: float) -> Samples:
    """Bend peaks as a driven amplifier does; the level of what is soft stays."""
    bent: Samples = np.tanh(samples * np.float32(drive)) / np.float32(drive)
    return bent
