"""The gain of a look-ahead limiter, in blocks of a millisecond."""

from typing import Final

import numpy as np
import numpy.typing as npt

from webapp.audio.waveform import Samples

Decibels = npt.NDArray[np.float64]

BLOCK_S: Final = 0.001
ATTACK_DB_PER_BLOCK: Final = 1.5
RELEASE_DB_PER_BLOCK: Final = 0.08
_SMOOTHING_BLOCKS: Final = 4
# How many blocks to either side a smoothed gain depends on.
SMOOTHING_REACH: Final = 2 * _SMOOTHING_BLOCKS + 1


def limiter_gain_db(peaks: Samples, threshold: float, block: int, wraps: bool) -> Decibels:
    """Return the gain in dB (≤ 0) per frame that keeps ``peaks`` under ``threshold``.

    It is computed per millisecond: the gain that each block needs, extended back in time by a steep ramp
    (look-ahead) and forward by a slow one (release), dilated, smoothed by a moving average, and interpolated
    linearly. It is dilated by as far as averaging and interpolation reach, so the result never exceeds what a
    frame needs.
    """
    needed_db = needed_gain_db(peaks, threshold, block)
    blocks = needed_db.size
    starts = np.arange(blocks) * block
    centres = (starts + np.minimum(starts + block, peaks.size)) / 2
    if wraps:
        needed_db = np.tile(needed_db, 3)
        centres = np.concatenate((centres - peaks.size, centres, centres + peaks.size))
    ramped = ramp(ramp(needed_db, RELEASE_DB_PER_BLOCK)[::-1], ATTACK_DB_PER_BLOCK)[::-1]
    smooth = rounded(ramped)
    return np.interp(np.arange(peaks.size), centres, smooth)


def needed_gain_db(peaks: Samples, threshold: float, block: int) -> Decibels:
    """Return the gain in dB (≤ 0) that each block needs; the last one may be short."""
    rest = -peaks.size % block
    padded = np.pad(peaks, (0, rest)) if rest else peaks
    highest = padded.reshape(-1, block).max(axis=1).astype(np.float64)
    needed: Decibels = -20 * np.log10(np.maximum(highest / threshold, 1.0))
    return needed


def ramp(gain_db: Decibels, db_per_block: float) -> Decibels:
    """Let the gain recover by at most ``db_per_block`` from each block to the next."""
    slope = np.arange(gain_db.size) * db_per_block
    ramped: Decibels = np.minimum.accumulate(gain_db - slope) + slope
    return ramped


def rounded(gain_db: Decibels) -> Decibels:
    """Smooth a gain without ever exceeding it."""
    reach = _SMOOTHING_BLOCKS + 1
    padded = np.pad(gain_db, reach + _SMOOTHING_BLOCKS, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    dilated = windows.min(axis=1)
    width = 2 * _SMOOTHING_BLOCKS + 1
    return np.convolve(dilated, np.full(width, 1 / width), mode="valid")
