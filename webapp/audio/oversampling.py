"""Peaks between the samples, by fourfold oversampling as ITU-R BS.1770-4 annex 2 specifies."""

import functools

import numpy as np
from scipy.signal import firwin

from webapp.audio.waveform import Samples

OVERSAMPLING = 4
_TAPS_PER_PHASE = 16
_MARGIN = _TAPS_PER_PHASE // 2
_ROW = 16
_ROWS_PER_CHUNK = 1 << 14


def oversampled_peaks(samples: Samples, *, wraps: bool = False) -> Samples:
    """Return the largest magnitude at each frame and between it and the next one.

    ``samples`` has shape (channels, frames); the result has shape (frames,), the maximum over channels and
    over the four positions from a frame up to the next. With ``wraps`` the frame after the last is the first,
    as in a loop; otherwise it is silence.
    """
    frames = samples.shape[1]
    peaks: Samples = np.abs(samples).max(axis=0)
    for channel in samples:
        padded = np.pad(channel, _MARGIN, mode="wrap") if wraps else np.pad(channel, _MARGIN)
        np.maximum(peaks, _between_samples(padded, frames), out=peaks)
    return peaks


def _between_samples(padded: Samples, frames: int) -> Samples:
    """Return the peak of the three interpolated values after each frame.

    Overlapping rows of frames are multiplied by one banded matrix, which has the filter once per output. A
    single matrix product is several times faster than a direct filter.
    """
    matrix = _row_matrix()
    width = matrix.shape[0]
    rows = -(-frames // _ROW)
    needed = (rows - 1) * _ROW + width
    if padded.size < needed:
        padded = np.concatenate((padded, np.zeros(needed - padded.size, np.float32)))
    stride = padded.strides[0]
    view = np.lib.stride_tricks.as_strided(padded, (rows, width), (stride * _ROW, stride), writeable=False)
    peaks = np.empty((rows, _ROW), np.float32)
    for start in range(0, rows, _ROWS_PER_CHUNK):
        chunk = view[start : start + _ROWS_PER_CHUNK] @ matrix
        np.abs(chunk, out=chunk)
        peaks[start : start + len(chunk)] = chunk.reshape(len(chunk), OVERSAMPLING - 1, _ROW).max(axis=1)
    return peaks.reshape(-1)[:frames]


@functools.cache
def _row_matrix() -> Samples:
    """Return the matrix of shape (row + taps, 3 rows).

    Column (phase, j) has the phase's filter, shifted to frame j.
    """
    taps = OVERSAMPLING * _TAPS_PER_PHASE
    prototype = firwin(taps + 1, 1 / OVERSAMPLING, window=("kaiser", 6.0))[:-1] * OVERSAMPLING
    matrix = np.zeros((_ROW + _TAPS_PER_PHASE, OVERSAMPLING - 1, _ROW), np.float32)
    for phase in range(1, OVERSAMPLING):
        # Output lies phase/4 after the frame; the filter is symmetric about its centre tap.
        kernel = prototype[phase::OVERSAMPLING][::-1]
        kernel = kernel / kernel.sum()
        for j in range(_ROW):
            matrix[j + 1 : j + 1 + _TAPS_PER_PHASE, phase - 1, j] = kernel
    return matrix.reshape(_ROW + _TAPS_PER_PHASE, -1)
