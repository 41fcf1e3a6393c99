"""The limiter of `webapp.audio.limiter` for a sound that is still being made."""

import math
from typing import Final

import numpy as np

from webapp.audio.limiter import (
    ATTACK_DB_PER_BLOCK,
    BLOCK_S,
    RELEASE_DB_PER_BLOCK,
    SMOOTHING_REACH,
    Decibels,
    needed_gain_db,
    ramp,
    rounded,
)
from webapp.audio.oversampling import oversampled_peaks
from webapp.audio.waveform import Samples

# A deeper reduction than this would begin before the look-ahead.
_DEEPEST_DB: Final = 60.0
_AHEAD: Final = math.ceil(_DEEPEST_DB / ATTACK_DB_PER_BLOCK) + SMOOTHING_REACH + 1
_BEHIND: Final = SMOOTHING_REACH + 2
# Frames to either side on which a peak between samples depends.
_PEAK_MARGIN: Final = 16


class LiveLimiter:
    """Limits chunk by chunk, 50 ms behind what it is given.

    The result is the same as that of limiting the whole, however the sound is cut into chunks.
    """

    def __init__(self, sample_rate: int, channels: int, *, gain_db: float, aim_dbtp: float) -> None:
        """Apply `gain_db` to every sample, and keep the true peak under `aim_dbtp`."""
        self._block = max(1, round(BLOCK_S * sample_rate))
        self._gain_db = gain_db
        self._threshold = 10 ** ((aim_dbtp - gain_db) / 20)
        # What is held begins at the block `_start`; `_needed` has the gains of its blocks, with release.
        self._start = 0
        self._held: Samples = np.zeros((channels, 0), np.float32)
        self._needed: Decibels = np.zeros(0)
        self._emitted = 0

    def feed(self, chunk: Samples) -> Samples:
        """Return the samples that are final now, which may be none."""
        self._held = np.concatenate((self._held, chunk), axis=1)
        self._measure((self._end - _PEAK_MARGIN) // self._block)
        return self._emit((self._start + self._needed.size - _AHEAD) * self._block)

    def flush(self) -> Samples:
        """Return the rest of the sound, which ends here."""
        self._measure(-(-self._end // self._block))
        return self._emit(self._end)

    @property
    def _end(self) -> int:
        held: int = self._held.shape[1]
        return self._start * self._block + held

    def _measure(self, until: int) -> None:
        """Find the gain that each further block needs, up to the block `until`."""
        first = self._start + self._needed.size
        if until <= first:
            return
        offset = self._start * self._block
        begin = max(0, first * self._block - offset - _PEAK_MARGIN)
        segment = self._held[:, begin : until * self._block - offset + _PEAK_MARGIN]
        inside = first * self._block - offset - begin
        peaks = oversampled_peaks(segment)[inside : inside + (until - first) * self._block]
        needed = needed_gain_db(peaks, self._threshold, self._block)
        carried = np.concatenate((self._needed[-1:], needed))
        released = ramp(carried, RELEASE_DB_PER_BLOCK)[carried.size - needed.size :]
        self._needed = np.concatenate((self._needed, released))

    def _emit(self, until: int) -> Samples:
        """Give the frames up to `until` their gain, and forget what is not needed any more."""
        offset = self._start * self._block
        if until <= self._emitted:
            return self._held[:, :0]
        starts = offset + np.arange(self._needed.size) * self._block
        centres = (starts + np.minimum(starts + self._block, self._end)) / 2
        smooth = rounded(ramp(self._needed[::-1], ATTACK_DB_PER_BLOCK)[::-1])
        gain_db = np.interp(np.arange(self._emitted, until), centres, smooth) + self._gain_db
        samples: Samples = self._held[:, self._emitted - offset : until - offset]
        limited: Samples = samples * np.power(10.0, gain_db / 20).astype(np.float32)
        self._emitted = until
        dropped = max(0, until // self._block - _BEHIND - self._start)
        self._held = self._held[:, dropped * self._block :]
        self._needed = self._needed[dropped:]
        self._start += dropped
        return limited
