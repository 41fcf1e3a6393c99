"""Building blocks of signals: times, curves, envelopes, filters, oscillators. All of it is pure."""

from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

SAMPLE_RATE = 44_100
Signal: TypeAlias = npt.NDArray[np.float64]
Rng: TypeAlias = np.random.Generator
_TOP_HZ = 0.47 * SAMPLE_RATE


def frames(duration_s: float) -> int:
    """Count the frames of a duration; at least one."""
    return max(1, round(duration_s * SAMPLE_RATE))


def times(count: int) -> Signal:
    """Give the time of each frame in seconds."""
    return np.arange(count, dtype=np.float64) / SAMPLE_RATE


def mix(low: float, high: float, share: float) -> float:
    """Go from ``low`` to ``high`` in equal steps."""
    return low + (high - low) * share


def scale(low: float, high: float, share: float) -> float:
    """Go from ``low`` to ``high`` in equal ratios, as pitches and times are heard."""
    return float(low * (high / low) ** share)


def curve(count: int, *points: tuple[float, float]) -> Signal:
    """Draw straight lines through (share of the time, value)."""
    places, values = zip(*points, strict=True)
    return np.asarray(np.interp(np.linspace(0, 1, count), places, values))


def glide(count: int, *points: tuple[float, float]) -> Signal:
    """Draw lines through (share of the time, positive value) that are straight in pitch."""
    places, values = zip(*points, strict=True)
    return np.asarray(np.exp(np.interp(np.linspace(0, 1, count), places, np.log(values))))


def swell(count: int, power: float = 1.0) -> Signal:
    """Draw one arch from 0 over 1 to 0."""
    return np.asarray(np.sin(np.linspace(0, np.pi, count)).clip(0) ** power)


def decay(count: int, t60_s: float) -> Signal:
    """Fall by 60 dB within ``t60_s``."""
    return np.asarray(np.exp(times(count) * (-6.9078 / t60_s)))


def burst(rng: Rng, duration_s: float, t60_s: float, rise_s: float = 0.0015) -> Signal:
    """Make the noise of a contact. Skin, wood and shoes give way, so it takes a moment to reach its height:
    noise that starts at once is the crack of a shot."""
    count = frames(duration_s)
    opening = np.minimum(1.0, np.arange(count) / (rise_s * SAMPLE_RATE))
    return np.asarray(rng.standard_normal(count) * np.sin(opening * (np.pi / 2)) ** 2 * decay(count, t60_s))


def edges(signal: Signal, rise_s: float, fall_s: float) -> Signal:
    """Fade both ends of a signal, without a corner."""
    shaped = signal.copy()
    total = signal.shape[-1]
    rise, fall = min(total, frames(rise_s)), min(total, frames(fall_s))
    shaped[..., :rise] *= np.sin(np.linspace(0, np.pi / 2, rise)) ** 2
    shaped[..., total - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall)) ** 2
    return shaped


def to_peak(signal: Signal, level: float = 1.0) -> Signal:
    """Scale to a peak; silence stays silence."""
    top = float(np.abs(signal).max(initial=0.0))
    return signal * (level / top) if top > 1e-9 else signal


def to_rms(signal: Signal, level: float = 1.0) -> Signal:
    """Scale to an effective value; silence stays silence."""
    power = float(np.sqrt(np.mean(signal**2)))
    return signal * (level / power) if power > 1e-9 else signal


def together(count: int, *parts: tuple[float, Signal]) -> Signal:
    """Add signals at their starts in seconds; what reaches past ``count`` frames is cut."""
    total = np.zeros(count)
    for start_s, part in parts:
        start = round(start_s * SAMPLE_RATE)
        room = min(part.size, count - start)
        if room > 0:
            total[start : start + room] += part[:room]
    return total


def layers(*parts: Signal) -> Signal:
    """Add signals that start together; the shorter ones end earlier."""
    return together(max(part.size for part in parts), *((0.0, part) for part in parts))


Band: TypeAlias = Literal["lowpass", "highpass", "bandpass"]


@lru_cache(maxsize=2048)
def sections(kind: Band, order: int, *edges_hz: float) -> Signal:
    """Design a Butterworth filter as second-order sections."""
    safe = [min(max(edge, 5.0), _TOP_HZ) for edge in edges_hz]
    wanted: float | list[float] = safe if kind == "bandpass" else safe[0]
    return np.asarray(butter(order, wanted, kind, fs=SAMPLE_RATE, output="sos"), dtype=np.float64)


def _on_grid(hz: float) -> float:
    """Round to a 32nd of an octave, which nobody hears and which saves designing a filter for each grain."""
    return round(float(2 ** (round(32 * np.log2(max(hz, 1.0))) / 32)), 3)


def lowpass(signal: Signal, hz: float, order: int = 2) -> Signal:
    """Keep what lies below ``hz``."""
    return np.asarray(sosfilt(sections("lowpass", order, _on_grid(hz)), signal))


def highpass(signal: Signal, hz: float, order: int = 2) -> Signal:
    """Keep what lies above ``hz``."""
    return np.asarray(sosfilt(sections("highpass", order, _on_grid(hz)), signal))


def bandpass(signal: Signal, low_hz: float, high_hz: float, order: int = 1) -> Signal:
    """Keep what lies between two frequencies."""
    return np.asarray(sosfilt(sections("bandpass", order, _on_grid(low_hz), _on_grid(high_hz)), signal))


def noise(rng: Rng, count: int) -> Signal:
    """Make white noise of effective value 1."""
    return rng.standard_normal(count)


def wander(rng: Rng, count: int, hz: float) -> Signal:
    """Draw a smooth random curve with an effective value near 1 that turns ``hz`` times a second."""
    points = max(4, int(count / SAMPLE_RATE * hz) + 3)
    place = np.arange(count) * (hz / SAMPLE_RATE) + rng.uniform()
    index = np.minimum(place.astype(np.int64), points - 2)
    share = place - index
    values = rng.standard_normal(points) * 1.3
    share = share * share * (3 - 2 * share)
    return np.asarray(values[index] * (1 - share) + values[index + 1] * share)


def turns(hz: Signal, start: float = 0.0) -> Signal:
    """Add up a frequency curve to a phase in radians."""
    return np.asarray(2 * np.pi * (start + np.cumsum(hz) / SAMPLE_RATE))


def sine(hz: Signal | float, count: int, start: float = 0.0) -> Signal:
    """Make a sine of a fixed or moving frequency."""
    if isinstance(hz, float | int):
        return np.asarray(np.sin(2 * np.pi * (start + times(count) * hz)))
    return np.asarray(np.sin(turns(hz, start)))


def pulses(phase: Signal, brightness: Signal | float) -> Signal:
    """Make a train of pulses whose harmonic k has the strength brightness^k.

    The closed form of the geometric series: no loop over harmonics, and hardly an alias as long as the
    series has died away before half the sample rate.
    """
    twice = 1 - 2 * brightness * np.cos(phase) + brightness * brightness
    return np.asarray((1 - brightness) * np.sin(phase) / twice)


def soft(signal: Signal, drive: float = 1.0) -> Signal:
    """Saturate softly."""
    return np.asarray(np.tanh(signal * drive))
