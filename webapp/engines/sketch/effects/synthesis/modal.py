"""Things that are struck: sums of damped modes, with what a material and a size make of them."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    decay,
    frames,
    noise,
    scale,
    times,
)
from webapp.engines.sketch.modes import damped_sines


def ring(hz: Signal, t60_s: Signal, levels: Signal, count: int, phases: Signal | None = None) -> Signal:
    """Return the sum of damped sines with these frequencies and times to fall by 60 dB."""
    audible = hz < 0.46 * SAMPLE_RATE
    rate = (2j * np.pi * hz[audible] - 6.9078 / t60_s[audible]) / SAMPLE_RATE
    start = levels[audible].astype(np.complex128)
    if phases is not None:
        start = start * np.exp(1j * phases[audible])
    return damped_sines(start, rate, count, np.float64)


@dataclass(frozen=True, slots=True)
class Material:
    """The ringing of a material: a body of medium size has its lowest mode at ``lowest_hz``."""

    lowest_hz: float
    modes: int
    spacing: float  # how fast the modes spread: 1 is harmonic, 2 a bar
    t60_s: float  # of the lowest mode
    loss: float  # how much faster high modes die away
    click: float  # noise of the contact
    cutoff_hz: float  # what a medium blow excites


MATERIALS: dict[str, Material] = {
    "wood": Material(150.0, 44, 0.92, 0.17, 0.75, 0.55, 2600.0),
    "metal": Material(420.0, 34, 1.2, 1.3, 0.4, 0.25, 7000.0),
    "latch": Material(700.0, 40, 0.9, 0.045, 0.3, 0.8, 6000.0),  # metal held tight
    "glass": Material(1250.0, 16, 1.45, 0.55, 0.5, 0.1, 9000.0),
    "ceramic": Material(800.0, 12, 1.4, 0.3, 0.7, 0.2, 6500.0),
    "plastic": Material(340.0, 28, 0.95, 0.07, 0.8, 0.6, 3600.0),
    "stone": Material(420.0, 36, 0.95, 0.07, 0.7, 0.8, 4500.0),
}


def strike(
    rng: Rng, material: str, *, size: float = 0.5, hardness: float = 0.5, duration_s: float | None = None
) -> Signal:
    """Strike a body once. The same body never sounds twice the same: where it is struck differs."""
    body = MATERIALS[material]
    lowest = body.lowest_hz * scale(2.6, 1 / 2.6, size) * rng.uniform(0.94, 1.06)
    number = np.arange(1, body.modes + 1)
    hz = lowest * number**body.spacing * rng.uniform(0.95, 1.06, body.modes)
    t60 = body.t60_s * scale(0.6, 1.7, size) * (hz / lowest) ** -body.loss * rng.uniform(0.7, 1.3, body.modes)
    cutoff = body.cutoff_hz * scale(0.35, 2.8, hardness) * scale(1.6, 0.6, size)
    levels = rng.uniform(0.25, 1, body.modes) * np.exp(-hz / cutoff) / np.sqrt(number)
    count = frames(duration_s if duration_s is not None else min(3.0, float(t60.max()) * 1.1 + 0.05))
    sound = ring(hz, t60, levels, count)
    top = float(np.abs(sound).max())
    sound = sound / max(top, 1e-9)
    contact = frames(0.03)
    click = noise(rng, contact) * decay(contact, scale(0.03, 0.012, hardness))
    click = np.asarray(
        lfilter(
            [1 - np.exp(-2 * np.pi * cutoff / SAMPLE_RATE)],
            [1, -np.exp(-2 * np.pi * cutoff / SAMPLE_RATE)],
            click,
        )
    )
    room = min(contact, count)
    sound[:room] += body.click * 1.5 * click[:room]
    return sound


def resonators(source: Signal, hz: Signal, t60_s: Signal, levels: Signal) -> Signal:
    """Send a source through a bank of two-pole resonators of equal peak gain."""
    total = np.zeros_like(source)
    for centre, ringing, level in zip(hz, t60_s, levels, strict=True):
        if centre < 0.46 * SAMPLE_RATE:
            radius = np.exp(-6.9078 / (ringing * SAMPLE_RATE))
            poles = [1.0, -2 * radius * np.cos(2 * np.pi * centre / SAMPLE_RATE), radius * radius]
            total += level * np.asarray(lfilter([1 - radius, 0.0, radius - 1], poles, source))
    return total


def bubble(hz: float, t60_s: float, rise: float, count: int) -> Signal:
    """Let one bubble ring (Minnaert): a damped sine whose pitch rises as the bubble nears the surface."""
    t = times(count)
    damping = 6.9078 / t60_s
    phase = 2 * np.pi * hz * (t + 0.5 * rise * damping * t * t * 0.1)
    return np.asarray(np.sin(phase) * np.exp(-damping * t) * (1 - np.exp(-t * hz * 2)))
