"""Measures of rendered sounds: plain signal analysis, no judges."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from webapp.engines.sketch.effects.render import SAMPLE_RATE, render_effect
from webapp.engines.sketch.effects.request import EffectRequest

Sound: TypeAlias = npt.NDArray[np.float64]
_HOP = 441


def rendered(request: EffectRequest, seed: int = 1) -> Sound:
    """Render a whole request, shape (2, frames)."""
    return np.concatenate(list(render_effect(request, seed)), axis=1).astype(np.float64)


def mono(sound: Sound) -> Sound:
    return np.asarray(sound.mean(axis=0))


def level(sound: Sound) -> float:
    """Give the effective value."""
    return float(np.sqrt(np.mean(sound**2)))


def spectrum(sound: Sound) -> tuple[Sound, Sound]:
    """Give frequencies and power of the whole sound."""
    power = np.asarray(np.abs(np.fft.rfft(mono(sound))) ** 2, dtype=np.float64)
    return np.arange(power.size) * (SAMPLE_RATE / sound.shape[1]), power


def centroid_hz(sound: Sound) -> float:
    """Give the centre of gravity of the spectrum."""
    hz, power = spectrum(sound)
    return float((hz * power).sum() / power.sum())


def envelope(sound: Sound) -> Sound:
    """Give the effective value of each 10 ms."""
    flat = mono(sound)
    blocks = flat[: flat.size // _HOP * _HOP].reshape(-1, _HOP)
    return np.asarray(np.sqrt((blocks**2).mean(axis=1)))


def onsets_s(sound: Sound, *, apart_s: float = 0.08, rise: float = 0.18) -> list[float]:
    """Find the starts of events: where the level jumps by more than ``rise`` of its greatest."""
    curve = envelope(sound)
    before = np.concatenate((np.zeros(3), curve[:-3]))
    jumps = np.flatnonzero(curve - before > rise * curve.max())
    starts: list[float] = []
    last = -apart_s
    for place in jumps:
        at = place * _HOP / SAMPLE_RATE
        if at - last > apart_s or not starts:
            starts.append(at)
        last = at
    return starts


def pitch_track_hz(sound: Sound, low_hz: float, high_hz: float, step_s: float = 0.05) -> Sound:
    """Follow the strongest frequency of a band."""
    flat, size = mono(sound), 4096
    window, hz = np.hanning(size), np.arange(size // 2 + 1) * (SAMPLE_RATE / size)
    inside = (hz >= low_hz) & (hz <= high_hz)
    places = range(0, flat.size - size, round(step_s * SAMPLE_RATE))
    return np.array(
        [hz[inside][np.abs(np.fft.rfft(flat[at : at + size] * window))[inside].argmax()] for at in places]
    )


def harmonicity(sound: Sound, low_hz: float = 60.0, high_hz: float = 1200.0) -> float:
    """Give the height of the best peak of the autocorrelation around the loudest moment, 0 … 1."""
    flat = mono(sound)
    middle = int(envelope(sound).argmax()) * _HOP
    part = flat[max(0, middle - 2048) : middle + 2048]
    part = part - part.mean()
    same = np.fft.irfft(np.abs(np.fft.rfft(part, 2 * part.size)) ** 2)[: part.size]
    same = same / np.maximum(np.arange(part.size, 0, -1), 1)
    lags = same[int(SAMPLE_RATE / high_hz) : min(int(SAMPLE_RATE / low_hz), part.size // 2)]
    return float(lags.max() / same[0])


def fall_s(sound: Sound, by_db: float = 20.0) -> float:
    """Give the time from the loudest moment until the level has fallen for good."""
    curve = envelope(sound)
    top = int(curve.argmax())
    loud = np.flatnonzero(curve > curve[top] * 10 ** (-by_db / 20))
    return float((loud[-1] - top) * _HOP / SAMPLE_RATE)


def sides(sound: Sound) -> float:
    """Give the share of the sound that differs between left and right."""
    return level(sound[0] - sound[1]) / max(level(sound[0] + sound[1]), 1e-12)


def between_db(sound: Sound) -> float:
    """Give the level of the quietest tenth beside the loudest 10 ms."""
    curve = envelope(sound)
    return float(20 * np.log10((np.quantile(curve, 0.1) + 1e-6) / curve.max()))
