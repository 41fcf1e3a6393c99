"""Loudness and true peak after ITU-R BS.1770-4, loudness range after EBU Tech 3342.

The recommendation prints its K-weighting filter for 48 kHz only. Here it is derived for any sample
rate from the analogue prototype behind those numbers (B. De Man, "Evaluation of implementations of
the EBU R128 loudness measurement", AES 145, 2018), which gives the printed coefficients at 48 kHz.
"""

import functools
import math

import numpy as np
import numpy.typing as npt
from scipy.signal import sosfilt

from webapp.audio.oversampling import oversampled_peaks
from webapp.audio.waveform import Waveform

FloatArray = npt.NDArray[np.float64]

SILENCE_LUFS = -math.inf
ABSOLUTE_GATE_LUFS = -70.0
RELATIVE_GATE_LU = -10.0
RANGE_GATE_LU = -20.0

_SHELF_HZ, _SHELF_GAIN_DB, _SHELF_Q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
_SHELF_BAND_EXPONENT = 0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
_LOUDNESS_OFFSET_DB = -0.691
_HOP_S = 0.1
_HOPS_PER_BLOCK = 4
_HOPS_PER_SHORT_TERM = 30


@functools.lru_cache(maxsize=8)
def k_weighting(sample_rate: int) -> FloatArray:
    """Return the two K-weighting stages as second-order sections of shape (2, 6)."""
    k = math.tan(math.pi * _SHELF_HZ / sample_rate)
    high = 10 ** (_SHELF_GAIN_DB / 20)
    band = high**_SHELF_BAND_EXPONENT
    a0 = 1 + k / _SHELF_Q + k * k
    shelf = [
        (high + band * k / _SHELF_Q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - band * k / _SHELF_Q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / _SHELF_Q + k * k) / a0,
    ]
    k = math.tan(math.pi * _HIGH_PASS_HZ / sample_rate)
    a0 = 1 + k / _HIGH_PASS_Q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / _HIGH_PASS_Q + k * k) / a0]
    return np.array([shelf, high_pass])


def integrated_loudness(waveform: Waveform) -> float:
    """Return the gated programme loudness in LUFS; -inf if nothing passes the gate of -70 LUFS.

    Every channel has weight 1 (mono and stereo). A clip shorter than one 400 ms block is measured
    as a single block of its own length, which the recommendation leaves open.
    """
    hops = _hop_powers(waveform)
    if hops is None:
        return _loudness_above_gate(_mean_power(waveform))
    return _gated(_block_means(hops, _HOPS_PER_BLOCK), RELATIVE_GATE_LU)


def loudness_range(waveform: Waveform) -> float:
    """Return the loudness range in LU: the spread between the 10th and 95th percentile of 3 s loudness.

    0 for clips too short to hold two 3 s windows and for silence.
    """
    hops = _hop_powers(waveform)
    if hops is None or hops.size <= _HOPS_PER_SHORT_TERM:
        return 0.0
    blocks = _block_means(hops, _HOPS_PER_SHORT_TERM)
    threshold = _gated(blocks, None) + RANGE_GATE_LU
    loud = blocks[blocks > _power(max(threshold, ABSOLUTE_GATE_LUFS))]
    if loud.size < 2:
        return 0.0
    low, high = np.percentile(10 * np.log10(loud), [10, 95])
    return float(high - low)


def true_peak(waveform: Waveform, *, wraps: bool = False) -> float:
    """Return the true peak in dBTP, with fourfold oversampling; -inf for digital silence."""
    peak = float(oversampled_peaks(waveform.samples, wraps=wraps).max())
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def _k_weighted(waveform: Waveform) -> FloatArray:
    weighted: FloatArray = sosfilt(k_weighting(waveform.sample_rate), waveform.samples, axis=1)
    return weighted


def _hop_powers(waveform: Waveform) -> FloatArray | None:
    """Return the K-weighted power of each 100 ms, summed over channels; None below one 400 ms block."""
    hop = round(_HOP_S * waveform.sample_rate)
    count = waveform.frames // hop
    if count < _HOPS_PER_BLOCK:
        return None
    weighted = _k_weighted(waveform)[:, : count * hop].reshape(waveform.channels, count, hop)
    return np.asarray(np.einsum("chs,chs->h", weighted, weighted) / hop)


def _mean_power(waveform: Waveform) -> float:
    weighted = _k_weighted(waveform)
    return float(np.vdot(weighted, weighted)) / waveform.frames


def _block_means(hops: FloatArray, hops_per_block: int) -> FloatArray:
    sums = np.concatenate(([0.0], np.cumsum(hops)))
    # Rounding of the running sum can leave tiny negative values in silence after a loud part.
    means: FloatArray = np.maximum(sums[hops_per_block:] - sums[:-hops_per_block], 0.0) / hops_per_block
    return means


def _gated(blocks: FloatArray, relative_gate_lu: float | None) -> float:
    loud = blocks[blocks > _power(ABSOLUTE_GATE_LUFS)]
    if not loud.size:
        return SILENCE_LUFS
    if relative_gate_lu is not None:
        loud = loud[loud > loud.mean() * 10 ** (relative_gate_lu / 10)]
    return _loudness(float(loud.mean()))


def _loudness_above_gate(power: float) -> float:
    return _loudness(power) if power > _power(ABSOLUTE_GATE_LUFS) else SILENCE_LUFS


def _loudness(power: float) -> float:
    return _LOUDNESS_OFFSET_DB + 10 * math.log10(power)


def _power(loudness_lufs: float) -> float:
    power: float = 10 ** ((loudness_lufs - _LOUDNESS_OFFSET_DB) / 10)
    return power
