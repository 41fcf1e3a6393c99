"""Bring a sound to the target loudness without passing the true-peak ceiling.

A plain gain suffices if there is enough headroom. Otherwise a look-ahead limiter reduces the peaks, and the
gain is raised until the loudness *after* limiting is on target. So both goals are met wherever that is
possible; single clicks in silence, for example, stay quieter than the target.
"""

import math
from dataclasses import dataclass

import numpy as np

from webapp.audio.limiter import BLOCK_S, limiter_gain_db
from webapp.audio.loudness import integrated_loudness, true_peak
from webapp.audio.oversampling import oversampled_peaks
from webapp.audio.waveform import Samples, Waveform

TARGET_LUFS = -16.0
CEILING_DBTP = -1.0
TOLERANCE_LU = 0.1

# A gain that changes over time shifts the peaks between samples a little: aim this far below the ceiling.
LIMITER_MARGIN_DB = 0.1
_MAX_ROUNDS = 8
_LEAST_YIELD_LU = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Levelled:
    """A levelled sound, and the gain and limiting that were applied.

    ``limited_db`` is the deepest momentary reduction by the limiter, 0 when a plain gain sufficed.
    Loudness and peak are -inf for silence, which is returned as it came.
    """

    waveform: Waveform
    loudness_lufs: float
    true_peak_dbtp: float
    gain_db: float
    limited_db: float


def level(
    waveform: Waveform,
    *,
    target_lufs: float = TARGET_LUFS,
    ceiling_dbtp: float = CEILING_DBTP,
    wraps: bool = False,
) -> Levelled:
    """Level ``waveform`` to ``target_lufs`` under ``ceiling_dbtp``.

    ``wraps`` treats the sound as a loop: the limiter then sees past the last frame into the first, so
    that its gain is continuous at the wrap too.
    """
    loudness = integrated_loudness(waveform)
    if loudness == -math.inf:
        return Levelled(waveform, loudness, true_peak(waveform, wraps=wraps), 0.0, 0.0)
    peaks = oversampled_peaks(waveform.samples, wraps=wraps)
    gain_db = target_lufs - loudness
    peak_db = _to_db(float(peaks.max())) + gain_db
    if peak_db <= ceiling_dbtp:
        levelled = waveform.with_samples(waveform.samples * np.float32(_from_db(gain_db)))
        return Levelled(levelled, target_lufs, peak_db, gain_db, 0.0)
    return _level_with_limiter(waveform, peaks, gain_db, target_lufs, ceiling_dbtp, wraps)


def limited(waveform: Waveform, *, ceiling_dbtp: float = CEILING_DBTP) -> tuple[Waveform, float]:
    """Return a copy under the ceiling, at the level that it has, and the deepest reduction in dB."""
    peaks = oversampled_peaks(waveform.samples)
    if _to_db(float(peaks.max())) <= ceiling_dbtp:
        return waveform.with_samples(waveform.samples.copy()), 0.0
    return _limited(waveform, peaks, 0.0, ceiling_dbtp - LIMITER_MARGIN_DB, wraps=False)


def limit(waveform: Waveform, gain_db: float, *, ceiling_dbtp: float = CEILING_DBTP) -> Waveform:
    """Return the sound with a gain, its peaks reduced where they would pass the ceiling."""
    peaks = oversampled_peaks(waveform.samples, wraps=False)
    if _to_db(float(peaks.max())) + gain_db <= ceiling_dbtp:
        return waveform.with_samples(waveform.samples * np.float32(_from_db(gain_db)))
    return _limited(waveform, peaks, gain_db, ceiling_dbtp - LIMITER_MARGIN_DB, wraps=False)[0]


def _level_with_limiter(
    waveform: Waveform, peaks: Samples, gain_db: float, target_lufs: float, ceiling_dbtp: float, wraps: bool
) -> Levelled:
    """Raise the gain until the limited sound is on target, for a limited number of rounds."""
    aim_dbtp = ceiling_dbtp - LIMITER_MARGIN_DB
    limited, limited_db = _limited(waveform, peaks, gain_db, aim_dbtp, wraps)
    loudness = integrated_loudness(limited)
    # The loudness gained per dB of gain: the more the limiter reduces, the less it is.
    yield_lu = 1.0
    for _ in range(_MAX_ROUNDS):
        if abs(target_lufs - loudness) <= TOLERANCE_LU:
            break
        step_db = (target_lufs - loudness) / yield_lu
        gain_db += step_db
        limited, limited_db = _limited(waveform, peaks, gain_db, aim_dbtp, wraps)
        before, loudness = loudness, integrated_loudness(limited)
        yield_lu = min(1.0, max(_LEAST_YIELD_LU, (loudness - before) / step_db))
    peak_db = true_peak(limited, wraps=wraps)
    excess_db = max(0.0, peak_db - ceiling_dbtp)
    if excess_db:
        limited = limited.with_samples(limited.samples * np.float32(_from_db(-excess_db)))
    return Levelled(limited, loudness - excess_db, peak_db - excess_db, gain_db - excess_db, limited_db)


def _limited(
    waveform: Waveform, peaks: Samples, gain_db: float, aim_dbtp: float, wraps: bool
) -> tuple[Waveform, float]:
    """Return the sound with a gain, limited to ``aim_dbtp``, and the deepest reduction in dB."""
    block = max(1, round(BLOCK_S * waveform.sample_rate))
    reduction_db = limiter_gain_db(peaks, _from_db(aim_dbtp - gain_db), block, wraps)
    gain = np.power(10.0, (reduction_db + gain_db) / 20).astype(np.float32)
    return waveform.with_samples(waveform.samples * gain), -float(reduction_db.min())


def _to_db(ratio: float) -> float:
    return 20 * math.log10(ratio) if ratio > 0 else -math.inf


def _from_db(gain_db: float) -> float:
    ratio: float = 10 ** (gain_db / 20)
    return ratio
