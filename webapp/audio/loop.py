"""Seamless loops: the sound's continuation is crossfaded into its start."""

import math

import numpy as np

from webapp.audio.waveform import Samples, Waveform

_MAX_OVERLAP_S = 1.5
_OVERLAP_SHARE = 0.25
MIN_OVERLAP_S = 0.01


def loop_overlap_s(duration_s: float) -> float:
    """Return the seconds beyond ``duration_s`` that an engine should generate for a loop of that length."""
    return max(MIN_OVERLAP_S, min(_MAX_OVERLAP_S, duration_s * _OVERLAP_SHARE))


def make_loop(waveform: Waveform, frames: int) -> Waveform:
    """Return a loop of exactly ``frames`` frames from a sound that is longer than that.

    What follows frame ``frames`` fades out over the start while the start fades in. So the sound right after
    the wrap is its original continuation, and the step across the wrap is that between two neighbouring
    frames. Raises ValueError if the sound is not longer than the loop, or more than twice as long.
    """
    overlap = waveform.frames - frames
    if overlap < 1:
        raise ValueError(f"a loop of {frames} frames needs a longer sound than {waveform.frames} frames")
    if overlap > frames:
        raise ValueError(f"{overlap} frames to crossfade do not fit a loop of {frames} frames")
    start, continuation = waveform.samples[:, :overlap], waveform.samples[:, frames:]
    looped = waveform.samples[:, :frames].copy()
    looped[:, :overlap] = crossfade(continuation, start)
    return waveform.with_samples(looped)


def crossfade(outgoing: Samples, incoming: Samples) -> Samples:
    """Crossfade from ``outgoing`` to ``incoming`` at constant power, whatever their correlation.

    Unrelated sounds need gains whose squares sum to 1, identical ones gains whose sum is 1; for a
    correlation r between them the power is a² + b² + 2rab, and both gains are divided by its root.
    """
    position = np.arange(outgoing.shape[1]) / outgoing.shape[1]
    fade_in = 0.5 - 0.5 * np.cos(np.pi * position)
    fade_out = 1 - fade_in
    power = fade_in**2 + fade_out**2 + 2 * _correlation(outgoing, incoming) * fade_in * fade_out
    scale = 1 / np.sqrt(power)
    mixed: Samples = outgoing * (fade_out * scale).astype(np.float32)
    mixed += incoming * (fade_in * scale).astype(np.float32)
    return mixed


def _correlation(one: Samples, other: Samples) -> float:
    """Return the normalised correlation, at least 0: sounds of opposite phase count as unrelated."""
    energy = math.sqrt(float(np.vdot(one, one)) * float(np.vdot(other, other)))
    if energy <= 0.0:
        return 0.0
    return min(1.0, max(0.0, float(np.vdot(one, other)) / energy))
