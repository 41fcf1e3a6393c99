"""The peaks of a sound: few enough numbers to draw its waveform in a page."""

import numpy as np

from webapp.audio.waveform import Waveform

PEAK_BINS = 400
_FULL_SCALE = 127


def waveform_peaks(waveform: Waveform, bins: int = PEAK_BINS) -> list[int]:
    """Return the lowest and highest value in each of ``bins`` equal parts of a sound.

    The result is ``2 * bins`` integers from -127 to 127: low, high, low, high, … over all channels together.
    If there are fewer frames than parts, frames are repeated.
    """
    edges = np.arange(bins) * waveform.frames // bins
    low = np.minimum.reduceat(waveform.samples, edges, axis=1).min(axis=0)
    high = np.maximum.reduceat(waveform.samples, edges, axis=1).max(axis=0)
    outline = np.stack((low, high), axis=1).ravel()
    scaled = np.rint(np.clip(outline, -1.0, 1.0) * _FULL_SCALE).astype(np.int8)
    return [int(value) for value in scaled]
