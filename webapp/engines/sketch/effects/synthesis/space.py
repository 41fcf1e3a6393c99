"""Where a sound is heard: the place with its echoes, and how far away."""

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    decay,
    frames,
    highpass,
    lowpass,
    scale,
)
from webapp.engines.sketch.effects.synthesis.streams import Filter


@dataclass(frozen=True, slots=True)
class Place:
    """The echoes of a place."""

    t60_s: float
    wet: float  # level of the echoes beside the sound
    bright_hz: float
    delay_s: float = 0.008
    echoes: tuple[tuple[float, float], ...] = ()  # single echoes: (seconds, level)


PLACES: dict[str, Place] = {
    "dry": Place(0.0, 0.0, 1.0),
    "room": Place(0.4, 0.22, 6500.0),
    "bathroom": Place(0.9, 0.45, 9000.0),
    "hall": Place(1.9, 0.4, 6000.0, 0.02),
    "church": Place(2.8, 0.5, 5000.0, 0.03),
    "cave": Place(2.6, 0.65, 3200.0, 0.03, ((0.19, 0.3), (0.41, 0.2))),
    "tunnel": Place(2.0, 0.6, 3800.0, 0.012, ((0.09, 0.3), (0.18, 0.2))),
    "street": Place(0.9, 0.2, 4500.0, 0.03, ((0.11, 0.12), (0.17, 0.1))),
    "outdoors": Place(0.7, 0.1, 3500.0, 0.04, ((0.13, 0.06),)),
    "forest": Place(1.1, 0.2, 2800.0, 0.05),
    "valley": Place(2.0, 0.25, 2200.0, 0.12, ((0.6, 0.3), (1.1, 0.16))),
    "underwater": Place(1.2, 0.6, 500.0),
}
_FAR_DB, _FAR_HZ, _NEAR_HZ = -20.0, 1300.0, 16_000.0


def response(place: Place, extra_wet: float, rng: Rng) -> Signal:
    """Make the impulse response of a place, shape (2, frames): noise whose treble dies first, and echoes."""
    tail = max(place.t60_s, 0.9 if extra_wet else 0.0)
    count = frames(min(2.2, tail * 0.8) + place.delay_s)
    if place.echoes:
        count = max(count, frames(place.echoes[-1][0] + 0.3))
    bright_hz = min(place.bright_hz, 4000.0) if not place.t60_s else place.bright_hz
    air = rng.standard_normal((2, count))
    dark = lowpass(air, bright_hz / 4) * 1.6 * decay(count, tail)
    clear = lowpass(air, bright_hz) * 0.7 * decay(count, tail * 0.55)
    late = highpass(dark + clear, 90)
    late[:, : frames(place.delay_s)] = 0
    late /= _loudest_gain(late)
    late *= 1.6 * (place.wet + extra_wet)
    burst = lowpass(rng.standard_normal((2, frames(0.06))), bright_hz) * decay(frames(0.06), 0.06)
    burst /= np.sqrt(np.sum(burst**2) / 2)
    for wait_s, level in place.echoes:
        start = frames(wait_s)
        late[:, start : start + burst.shape[1]] += burst * level
    return late


def _loudest_gain(late: Signal) -> float:
    """Give the gain of echoes for the band that they favour, so that no kind of sound drowns in them."""
    power = np.mean(np.abs(rfft(late, axis=1)) ** 2, axis=0)
    hz = np.linspace(0, SAMPLE_RATE / 2, power.size)
    bands = [power[(hz > low) & (hz < 3 * low)].mean() for low in (60, 180, 540, 1620)]
    return float(np.sqrt(max(bands)))


class Surroundings:
    """Bring a stream from where it happens to where it is heard."""

    def __init__(self, space: str, distance: float, rng: Rng) -> None:
        place = PLACES.get(space or "dry", PLACES["room"])
        self._muffle: Filter | None = None
        if space == "underwater":
            self._muffle = Filter("lowpass", 600.0, order=2)
        elif distance > 0.02:
            self._muffle = Filter("lowpass", scale(_NEAR_HZ, _FAR_HZ, distance), order=1)
        self._direct = 10 ** (_FAR_DB * distance / 20)
        wet = place.wet + 0.35 * distance
        self._response = response(place, 0.35 * distance, rng) if wet > 0.02 else None
        self._tail = np.zeros((2, 0))
        self._echo_level = 10 ** (0.6 * _FAR_DB * distance / 20)

    def __call__(self, dry: Signal) -> Signal:
        near = self._muffle(dry) if self._muffle else dry
        if self._response is None:
            return near * self._direct
        length = self._response.shape[1]
        size = next_fast_len(dry.shape[1] + length, real=True)
        spectrum = rfft(self._response, size)
        wet = np.asarray(irfft(rfft(near, size) * spectrum, size))
        wet[:, : self._tail.shape[1]] += self._tail[:, :size]
        self._tail = wet[:, dry.shape[1] :]
        return near * self._direct + wet[:, : dry.shape[1]] * self._echo_level
