"""Parts of machines: combustion engines by firing order, electric motors, and things that pass by."""

import numpy as np

from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    decay,
    frames,
    lowpass,
    noise,
    pulses,
    to_peak,
)
from webapp.engines.sketch.effects.synthesis.modal import ring
from webapp.engines.sketch.effects.synthesis.streams import (
    Filter,
    Grains,
    Phase,
    TurnCounter,
    Wander,
    pool_of,
    rows,
)

_SOUND_M_S = 343.0


def exhaust(rng: Rng, pipe_hz: float, sharpness: float, length_s: float) -> Signal:
    """One stroke as it leaves the pipe: a puff of gas that makes the pipe ring."""
    count = frames(length_s)
    ratios = np.array([1.0, 2.1, 3.3, 4.8, 7.1])
    pipe = ring(
        pipe_hz * ratios * rng.uniform(0.97, 1.03, 5),
        length_s * np.array([1.0, 0.8, 0.6, 0.45, 0.3]),
        np.array([1.0, 0.7, 0.5, 0.35, 0.25]) ** (1.3 - sharpness),
        count,
    )
    puff = lowpass(noise(rng, count), 500 + 4000 * sharpness) * decay(count, length_s * 0.5)
    return to_peak(to_peak(pipe) + (0.5 + 0.6 * sharpness) * to_peak(puff))


class Combustion:
    """An engine: every stroke is a puff of its own, and no two cylinders are quite alike."""

    def __init__(
        self,
        rng: Rng,
        *,
        cylinders: int,
        pipe_hz: float,
        sharpness: float,
        uneven: float = 0.15,
        two_stroke: bool = False,
        stroke_s: float = 0.075,
    ) -> None:
        self._rng, self._turns = rng, TurnCounter()
        self._pool = pool_of([exhaust(rng, pipe_hz, sharpness, stroke_s) for _ in range(16)])
        self._cylinders = rng.uniform(1 - 2 * uneven, 1, cylinders)
        self._lags = rng.uniform(-uneven, uneven, cylinders) * 0.12
        self._per_turn = cylinders * (1.0 if two_stroke else 0.5)
        self._stroke, self._grains = 0, Grains()
        self._air, self._hiss = Filter("bandpass", 300, 4200, order=1, channels=1), 0.05 + 0.1 * sharpness

    def __call__(self, rpm: Signal, load: Signal) -> Signal:
        """Run for the frames of ``rpm``; mono."""
        count = rpm.size
        strokes = self._turns(rpm / 60 * self._per_turn)
        which = (self._stroke + np.arange(strokes.size)) % self._cylinders.size
        self._stroke += strokes.size
        place = np.clip(strokes, 0, count - 1).astype(np.int64)
        period = SAMPLE_RATE / np.maximum(rpm[place] / 60 * self._per_turn, 1)
        starts = np.maximum(strokes + self._lags[which] * period, 0)
        levels = self._cylinders[which] * load[place] * self._rng.uniform(0.8, 1.0, strokes.size)
        self._grains.scatter(
            starts, rows(self._rng, self._pool, strokes.size), levels, np.zeros(strokes.size)
        )
        air = self._air(self._rng.standard_normal((1, count)))[0] * self._hiss * load
        return np.asarray(self._grains.take(count)[0] * 1.4 + air)


class Motor:
    """An electric motor with its gears: a whine, its overtones, and the rush of its fan."""

    def __init__(
        self, rng: Rng, *, brightness: float, slots: int, rush: float, band_hz: tuple[float, float]
    ) -> None:
        self._rng, self._phase, self._brightness, self._slots = rng, Phase(rng.uniform()), brightness, slots
        self._shake, self._rush = Wander(rng, 30.0), rush
        self._band = Filter("bandpass", *band_hz, order=1, channels=1)
        self._wide = Filter("bandpass", *band_hz, order=1)

    def __call__(self, hz: Signal, load: Signal) -> Signal:
        """Run at ``hz`` turns a second; stereo."""
        count = hz.size
        phase = self._phase(hz * (1 + 0.004 * self._shake(count)))
        whine = (
            pulses(phase * self._slots, self._brightness)
            + 0.5 * pulses(phase * 2, 0.8)
            + 0.35 * np.sin(phase * self._slots * 3)
        )
        whine = whine * (1 + 0.25 * np.sin(phase)) * load
        tone = self._band(
            (whine + 0.25 * self._rng.standard_normal(count) * (1 + np.sin(phase)) * load)[None]
        )
        return np.asarray(
            tone * np.ones((2, 1)) + self._rush * self._wide(self._rng.standard_normal((2, count))) * load
        )


class Passage:
    """The way of a thing that comes, passes a listener and goes, from block to block."""

    def __init__(self, speed_m_s: float, nearest_m: float, length_s: float, side: float) -> None:
        self._speed, self._nearest, self._length, self._side, self._at = (
            speed_m_s,
            nearest_m,
            length_s,
            side,
            0,
        )

    def __call__(self, count: int) -> tuple[Signal, Signal, Signal]:
        """Give level, Doppler factor and pan of the next frames; both ends are silent."""
        moment = (self._at + np.arange(count)) / SAMPLE_RATE
        self._at += count
        along = self._speed * (moment - 0.48 * self._length)
        away = np.sqrt(self._nearest**2 + along**2)
        ends = np.clip(np.minimum(moment / 0.4, (self._length - moment) / 0.5), 0, 1)
        level = self._nearest / away * np.sin(ends * np.pi / 2) ** 2
        return level, _SOUND_M_S / (_SOUND_M_S + self._speed * along / away), 0.85 * self._side * along / away


def panned(mono: Signal, pan: Signal) -> Signal:
    """Move a sound to the sides along a curve."""
    angle = (pan + 1) * (np.pi / 4)
    return np.asarray(np.stack([mono * np.cos(angle), mono * np.sin(angle)]) * np.sqrt(2))
