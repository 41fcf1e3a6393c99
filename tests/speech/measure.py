"""What tells speech from other sounds: how long it is, how high, and how much of it is voiced."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from webapp.audio.waveform import Samples

FRAME_S = 0.04
HOP_S = 0.01
LOWEST_HZ, HIGHEST_HZ = 60.0, 400.0
# Below this share of a sound's loud parts a frame is a pause.
QUIET = 0.05
INAUDIBLE = 0.02
# The normalised autocorrelation of a frame that has a pitch.
PERIODIC = 0.6


@dataclass(frozen=True, slots=True)
class Pitch:
    """The pitch of the voiced frames, and their share of those that are no pause."""

    median_hz: float
    low_hz: float
    high_hz: float
    voiced_share: float


def pitch(samples: Samples, sample_rate: int) -> Pitch:
    """Measure by autocorrelation; `samples` has one channel."""
    size, hop = round(FRAME_S * sample_rate), round(HOP_S * sample_rate)
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[::hop].astype(np.float64)
    loudness = np.sqrt((frames**2).mean(axis=1))
    frames = frames[loudness > QUIET * np.percentile(loudness, 95)]
    found = np.array([_pitch_hz(frame, sample_rate) for frame in frames])
    voiced = found[found > 0]
    low, median, high = np.percentile(voiced, (5, 50, 95))
    return Pitch(float(median), float(low), float(high), len(voiced) / len(found))


def _pitch_hz(frame: npt.NDArray[np.float64], sample_rate: int) -> float:
    centred = frame - frame.mean()
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred)]
    if correlation[0] <= 0:
        return 0.0
    # A shift leaves less to compare: made good, so that high and low pitches count alike.
    correlation = correlation / correlation[0] / (1 - np.arange(len(centred)) / len(centred))
    shortest, longest = round(sample_rate / HIGHEST_HZ), round(sample_rate / LOWEST_HZ)
    lag = shortest + int(np.argmax(correlation[shortest:longest]))
    return sample_rate / lag if correlation[lag] > PERIODIC else 0.0


def pauses_s(samples: Samples, sample_rate: int) -> list[float]:
    """How long each stretch lasts in which nothing is heard, in order; `samples` has one channel."""
    hop = round(HOP_S * sample_rate)
    loudness = np.sqrt((samples[: samples.size // hop * hop].reshape(-1, hop) ** 2).mean(axis=1))
    quiet = loudness < INAUDIBLE * np.percentile(loudness, 95)
    return [length * HOP_S for length in _lengths(quiet)]


def longest_digital_silence_s(samples: Samples, sample_rate: int) -> float:
    """The longest stretch of samples that are all zero."""
    return max(_lengths(samples == 0), default=0) / sample_rate


def _lengths(flags: npt.NDArray[np.bool_]) -> list[int]:
    """How long each stretch of set flags is."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [int(length) for length in edges[1::2] - edges[::2]]
