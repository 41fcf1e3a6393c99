"""Renders prompts once for all tests, and measures what is heard. Nothing here looks at a plan."""

import itertools
import math
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from webapp.audio.waveform import Samples
from webapp.engines.base import CancelToken, GenerationRequest
from webapp.engines.batch import generate_all
from webapp.engines.sketch.effects.render import SAMPLE_RATE
from webapp.engines.sketch.engine import SketchEngine

Array: TypeAlias = npt.NDArray[np.float64]
HOP = 441
# The spectrum tells of an onset before the level has risen.
_RISE = 5
_SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@cache
def rendered(prompt: str, seconds: float = 6.0, model: str = "music", seed: int = 1) -> Samples:
    """Render a prompt through the engine, shape (2, frames)."""
    request = GenerationRequest(prompt, seconds, model, seed)
    (sound,) = generate_all(SketchEngine(), [request], lambda _index, _share: None, CancelToken())
    assert sound.sample_rate == SAMPLE_RATE
    sound.samples.setflags(write=False)
    return sound.samples


def mono(samples: Samples) -> Array:
    return np.asarray(samples.mean(axis=0, dtype=np.float64))


def levels_db(samples: Samples) -> Array:
    """The level of each 10 ms, relative to the loudest."""
    flat = mono(samples)
    blocks = flat[: flat.size // HOP * HOP].reshape(-1, HOP)
    power = (blocks**2).mean(axis=1)
    return np.asarray(10 * np.log10(power / power.max() + 1e-12))


def spectra(samples: Samples, size: int = 2048, hop: int = HOP) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(mono(samples), size)[::hop]
    return np.asarray(np.abs(np.fft.rfft(windows * np.hanning(size), axis=1)))


def flux(samples: Samples) -> Array:
    """How much each 10 ms adds to the spectrum of the one before."""
    seen = spectra(samples, 1024)
    logged = np.log1p(300 * seen / seen.max())
    return np.asarray(np.maximum(np.diff(logged, axis=0), 0).sum(axis=1))


def tempo(samples: Samples, near_bpm: float) -> float:
    """The tempo with whose beats and bars the onsets repeat most, of those within a third."""
    found = flux(samples)
    found = found - found.mean()
    same = np.correlate(found, found, mode="full")[found.size - 1 :]
    same = same / np.arange(found.size, 0, -1)
    rate = SAMPLE_RATE / HOP
    tried = np.arange(0.77 * near_bpm, 1.3 * near_bpm, 0.1)
    places = np.arange(same.size)
    multiples = [many for many in (1, 2, 4, 8) if many * 60 / near_bpm < 0.6 * found.size / rate]
    scores = sum(np.interp(many * 60 * rate / tried, places, same) for many in multiples)
    return float(tried[np.argmax(scores)])


def onsets_s(samples: Samples, apart_s: float = 0.09) -> list[float]:
    """When notes, strokes or events begin."""
    found = flux(samples)
    width = round(apart_s * SAMPLE_RATE / HOP)
    peaks = found == maximum_filter1d(found, 2 * width + 1)
    # Where nothing goes on, the logarithm would make onsets of rounding.
    loud = maximum_filter1d(levels_db(samples), _RISE)[1 : found.size + 1] > -42
    strong = found > max(0.25 * float(np.percentile(found[5:], 99)), 2.0 * float(np.median(found)))
    size = min(peaks.size, loud.size)
    return [
        float(at * HOP / SAMPLE_RATE) for at in np.flatnonzero(peaks[:size] & loud[:size] & strong[:size])
    ]


def onset_rate(samples: Samples) -> float:
    return len(onsets_s(samples)) * SAMPLE_RATE / int(samples.shape[1])


def regularity(samples: Samples) -> float:
    """How much the onsets repeat, 0 to 1: the highest peak of their autocorrelation above 0.2 s."""
    found = flux(samples)
    found = found - found.mean()
    same = np.correlate(found, found, mode="full")[found.size - 1 :]
    count = np.arange(found.size, 0, -1)
    same = (same / count) / (same[0] / found.size)
    return float(same[20 : same.size // 2].max())


def centroid_hz(samples: Samples) -> float:
    power = (spectra(samples) ** 2).mean(axis=0)
    return float((np.fft.rfftfreq(2048, 1 / SAMPLE_RATE) * power).sum() / power.sum())


def harmonicity(samples: Samples) -> float:
    """The best peak of the autocorrelation in loud windows, 0 to 1, in the mean."""
    windows = np.lib.stride_tricks.sliding_window_view(mono(samples), 4096)[::8192]
    power = (windows**2).mean(axis=1)
    heights = []
    for window in windows[power > 0.1 * power.max()]:
        same = _autocorrelation(window)
        heights.append(float(same[SAMPLE_RATE // 2000 : SAMPLE_RATE // 50].max()))
    return float(np.mean(heights))


def _autocorrelation(window: Array) -> Array:
    centred = window - window.mean()
    same = np.fft.irfft(np.abs(np.fft.rfft(centred, 2 * centred.size)) ** 2)[: centred.size]
    return np.asarray(same / (same[0] * (1 - np.arange(centred.size) / centred.size) + 1e-12))


def pitches_hz(samples: Samples) -> Array:
    """The pitch of one voice in its clear windows."""
    found = []
    windows = np.lib.stride_tricks.sliding_window_view(mono(samples), 4096)[::2048]
    power = (windows**2).mean(axis=1)
    for window in windows[power > 0.03 * power.max()]:
        same = _autocorrelation(window)
        low = SAMPLE_RATE // 2200
        part = same[low : SAMPLE_RATE // 40]
        peaks = np.flatnonzero((part[1:-1] >= part[:-2]) & (part[1:-1] > part[2:])) + 1
        high = [peak for peak in peaks if part[peak] > 0.88 * part[peaks].max()]
        if high and part[high[0]] > 0.6:
            found.append(SAMPLE_RATE / (high[0] + low))
    return np.array(found)


def chroma(samples: Samples) -> Array:
    """The share of each pitch class, from the peaks of long spectra between 100 and 1,200 Hz."""
    size = 16384
    power = spectra(samples, size, 4096) ** 2
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    inside = np.flatnonzero((hz > 100) & (hz < 1200))
    shares = np.zeros(12)
    for row in power:
        peaks = inside[(row[inside] > row[inside - 1]) & (row[inside] > row[inside + 1])]
        peaks = peaks[row[peaks] > 0.04 * row[inside].max()]
        np.add.at(shares, np.round(69 + 12 * np.log2(hz[peaks] / 440)).astype(int) % 12, np.sqrt(row[peaks]))
    return np.asarray(shares / shares.sum())


def in_scale(samples: Samples, key: str) -> float:
    """The share of what sounds that belongs to a key such as "F# minor"."""
    tonic, mode = key.split(maxsplit=1)
    at = _LETTERS[tonic[0]] + tonic.count("#") - tonic.count("b")
    shares = chroma(samples)
    return float(sum(shares[(at + step) % 12] for step in _SCALES[mode]))


def decay_s(samples: Samples) -> float:
    """How long the sound takes from its loudest moment to 25 dB below, without coming back."""
    levels = levels_db(samples)
    loudest = int(levels.argmax())
    after = np.flatnonzero(levels[loudest:] > -25)
    return float((after[-1] + 1) * HOP / SAMPLE_RATE)


def ring_s(samples: Samples) -> float:
    """How long single events take to fall by 20 dB, in the median."""
    levels = levels_db(samples)
    starts = [round(at * SAMPLE_RATE / HOP) for at in onsets_s(samples)] or [0]
    times = []
    for start, following in zip(starts, [*starts[1:], levels.size], strict=True):
        part = levels[start:following]
        if part.size > 3:
            peak = int(part.argmax())
            below = np.flatnonzero(part[peak:] < part[peak] - 20)
            times.append(float(below[0] if below.size else part.size - peak) * HOP / SAMPLE_RATE)
    return float(np.median(times)) if times else 0.0


def width(samples: Samples) -> float:
    """What differs between the sides over what they share, in dB; a sound in the middle has very little."""
    middle, side = samples.mean(axis=0, dtype=np.float64), (samples[0] - samples[1]) / 2
    return float(10 * math.log10((side**2).mean() / (middle**2).mean() + 1e-9))


def silence(samples: Samples) -> float:
    """The share of time more than 40 dB below the loudest."""
    return float((levels_db(samples) < -40).mean())


def events(samples: Samples, apart_s: float = 0.3) -> int:
    """How many times something sounds, with at least ``apart_s`` of near silence between."""
    loud = levels_db(samples) > -26
    gap = round(apart_s * SAMPLE_RATE / HOP)
    count, quiet = 0, gap
    for is_loud in loud:
        if is_loud:
            count += quiet >= gap
            quiet = 0
        else:
            quiet += 1
    return count


def rise_db(samples: Samples) -> float:
    """How much louder the last third is than the first."""
    third = samples.shape[1] // 3
    first, last = (
        float((part.astype(np.float64) ** 2).mean()) for part in (samples[:, :third], samples[:, -third:])
    )
    return 10 * math.log10((last + 1e-12) / (first + 1e-12))


def glide_semitones(samples: Samples) -> float:
    """How far the pitch moves from the first to the last third of the clear windows."""
    found = pitches_hz(samples)
    third = max(1, found.size // 3)
    return float(12 * np.log2(np.median(found[-third:]) / np.median(found[:third])))


def bands_db(samples: Samples) -> Array:
    """The long-term spectrum in thirds of octaves, as seen from its mean."""
    power = (spectra(samples) ** 2).mean(axis=0)
    hz = np.fft.rfftfreq(2048, 1 / SAMPLE_RATE)
    edges = 60 * 2 ** (np.arange(26) / 3)
    sums = [power[(hz >= low) & (hz < high)].sum() for low, high in itertools.pairwise(edges)]
    logged = 10 * np.log10(np.array(sums) / (power.sum() + 1e-20) + 1e-5)
    return np.asarray(logged - logged.mean())


def unlikeness_db(first: Samples, second: Samples) -> float:
    """How far apart two long-term spectra are, in the mean over bands."""
    return float(np.abs(bands_db(first) - bands_db(second)).mean())
