"""Joins spoken segments to one sound, without clicks and with natural pauses."""

from collections.abc import Sequence
from math import gcd
from typing import Final

import numpy as np
from scipy.signal import resample_poly

from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.engines.speech.speaker import Spoken

# 50 dB below full scale: the silence that engines add before and after a sentence is quieter.
SILENT: Final = 1e-2 / 3.16
MARGIN_S: Final = 0.02
FADE_S: Final = 0.005
FULL_SCALE: Final = 32_768
# The noise of a quiet recording, far below audibility. Synthetic speech has none: each stop consonant is a
# moment of digital silence, which resembles a broken recording.
ROOM_NOISE: Final = 4e-5


class Joiner:
    """Joins segments to sentences, and sentences to one sound.

    Silence before and after a segment is cut off, so that every pause has its length, and each segment fades
    in and out. Segments at other sample rates are resampled.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._frames = 0
        self._pause_s = 0.0

    def add(self, spoken: Sequence[tuple[Spoken, float]]) -> tuple[Samples, float, float]:
        """Join the segments of a sentence, each with the pause that follows it.

        Returns its samples, behind the pause that was due before it, and when it begins and ends.
        """
        parts: list[Samples] = []
        begin_s = None
        for one, pause_s in spoken:
            voiced = _trimmed(_converted(one, self._sample_rate), self._sample_rate)
            if not voiced.size:
                continue
            silence = np.zeros(frame_count(self._pause_s, self._sample_rate), np.float32)
            self._frames += silence.size
            begin_s = self._now_s if begin_s is None else begin_s
            self._frames += voiced.size
            parts += [silence, voiced]
            self._pause_s = pause_s
        samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        return samples, self._now_s if begin_s is None else begin_s, self._now_s

    @property
    def _now_s(self) -> float:
        return self._frames / self._sample_rate


def whole(parts: Sequence[Samples], sample_rate: int) -> Waveform | None:
    """Return the sound of all sentences, with the noise of a room; None for silence."""
    joined = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not joined.size:
        return None
    noise = np.random.default_rng(0).standard_normal(joined.size, np.float32)
    return Waveform((joined + noise * np.float32(ROOM_NOISE))[np.newaxis], sample_rate)


def _converted(spoken: Spoken, sample_rate: int) -> Samples:
    samples = spoken.samples.astype(np.float32) / np.float32(FULL_SCALE)
    if spoken.sample_rate == sample_rate or not samples.size:
        return samples
    common = gcd(spoken.sample_rate, sample_rate)
    converted: Samples = resample_poly(samples, sample_rate // common, spoken.sample_rate // common).astype(
        np.float32
    )
    return converted


def _trimmed(samples: Samples, sample_rate: int) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > SILENT)
    if not loud.size:
        return samples[:0]
    margin = frame_count(MARGIN_S, sample_rate)
    kept = samples[max(0, loud[0] - margin) : loud[-1] + margin].copy()
    fade = min(frame_count(FADE_S, sample_rate), kept.size // 2)
    ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    kept[:fade] *= ramp
    kept[kept.size - fade :] *= ramp[::-1]
    return kept
