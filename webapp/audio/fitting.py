"""Brings sound to another sample rate and another number of channels."""

import math

import numpy as np
from scipy.signal import resample_poly

from webapp.audio.waveform import Waveform


def fitted(waveform: Waveform, *, sample_rate: int, channels: int) -> Waveform:
    """Return the sound with this rate and these channels; itself if it has them.

    Fewer channels are their mean; more are copies of it.
    """
    samples = waveform.samples
    if waveform.channels != channels:
        mono = samples.mean(axis=0, keepdims=True, dtype=np.float32)
        samples = np.repeat(mono, channels, axis=0)
    if waveform.sample_rate != sample_rate:
        common = math.gcd(sample_rate, waveform.sample_rate)
        samples = resample_poly(samples, sample_rate // common, waveform.sample_rate // common, axis=1)
    if samples is waveform.samples:
        return waveform
    return Waveform(np.ascontiguousarray(samples, np.float32), sample_rate)
