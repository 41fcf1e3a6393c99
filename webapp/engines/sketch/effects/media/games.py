"""Games and user interfaces: short electronic gestures."""

from typing import TypeAlias

import numpy as np

from webapp.engines.sketch.effects.effect import EventRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    curve,
    decay,
    edges,
    frames,
    glide,
    lowpass,
    noise,
    pulses,
    scale,
    sine,
    soft,
    to_peak,
    together,
    turns,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.things.bells import bell

# (start in s, MIDI pitch, length in s)
Tune: TypeAlias = tuple[tuple[float, float, float], ...]


def _hz(pitch: float) -> float:
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _square(hz: Signal | float, count: int, duty: float = 0.5) -> Signal:
    """Make a square wave of few harmonics, by the difference of two pulse trains."""
    phase = turns(np.full(count, hz) if isinstance(hz, float | int) else hz)
    return pulses(phase, 0.86) - pulses(phase + 2 * np.pi * duty, 0.86)


def _shift(request: EffectRequest, rng: Rng) -> float:
    return scale(1.5, 0.66, request.size) * 2 ** (int(rng.integers(-2, 3)) / 12)


def _tune(notes: Tune, *, duty: float = 0.5, fall_s: float = 0.05) -> EventRenderer:
    """Play a jingle on one square voice."""

    def event(request: EffectRequest, rng: Rng) -> Signal:
        pace, key = scale(1.4, 0.7, request.speed), _shift(request, rng)
        parts = [
            (
                start * pace,
                edges(
                    _square(_hz(pitch) * key, frames(length * pace), duty),
                    0.002,
                    min(fall_s, length * pace * 0.8),
                ),
            )
            for start, pitch, length in notes
        ]
        return together(frames(max(start + length for start, _, length in notes) * pace + 0.02), *parts)

    return event


def _laser(request: EffectRequest, rng: Rng) -> Signal:
    """A tone that falls three octaves at once, with a second just beside it."""
    count = frames(scale(0.5, 0.22, request.speed))
    top = scale(5200, 2200, request.size) * rng.uniform(0.9, 1.1)
    hz = glide(count, (0, top), (0.3, top * 0.35), (1, top * 0.06))
    tone = pulses(turns(hz), 0.6) + 0.7 * pulses(turns(hz * 1.012), 0.6)
    return tone * curve(count, (0, 1), (0.5, 0.7), (1, 0))


def _jump(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(0.36, 0.18, request.speed))
    low = _shift(request, rng) * 240
    return _square(glide(count, (0, low), (1, low * 3.2)), count, 0.25) * curve(
        count, (0, 1), (0.7, 0.8), (1, 0)
    )


def _power_up(request: EffectRequest, rng: Rng) -> Signal:
    """Arpeggios that climb, one step higher each time."""
    pace, key = scale(0.075, 0.04, request.speed), _shift(request, rng)
    parts: list[tuple[float, Signal]] = []
    for number in range(16):
        pitch = 55 + (0, 4, 7, 12)[number % 4] + 3 * (number // 4)
        parts.append(
            (number * pace, edges(_square(_hz(pitch) * key, frames(pace * 1.05), 0.3), 0.002, 0.012))
        )
    return together(frames(16 * pace + 0.05), *parts)


def _hurt(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.28)
    tone = _square(glide(count, (0, 420), (1, 90)) * _shift(request, rng), count)
    held = np.repeat(rng.standard_normal(count // 24 + 1), 24)[:count]
    return (0.7 * to_peak(tone) + 0.3 * to_peak(held)) * curve(count, (0, 1), (1, 0))


def _retro_boom(request: EffectRequest, rng: Rng) -> Signal:
    """An explosion as old consoles made it: noise, held ever longer."""
    count = frames(scale(0.7, 1.3, request.size))
    steps = np.cumsum(glide(count, (0, 9000), (1, 700)) / 44_100).astype(np.int64)
    return np.sign(rng.standard_normal(int(steps[-1]) + 1))[steps] * decay(count, count / 44_100 * 1.3)


def _teleport(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.9)
    hz = glide(count, (0, 300), (0.5, 1900), (1, 420)) * _shift(request, rng) * (1 + 0.25 * sine(28.0, count))
    return edges(sine(hz, count) + 0.3 * pulses(turns(hz * 1.5), 0.4), 0.02, 0.2)


def _ui_click(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.05)
    hz = (
        scale(2600, 1300, request.size) * glide(count, (0, 1.3), (0.3, 1), (1, 0.9)) * rng.uniform(0.97, 1.03)
    )
    return sine(hz, count) * decay(count, 0.035) + 0.25 * lowpass(noise(rng, count), 6000) * decay(
        count, 0.008
    )


_BARS = ((1.0, 1.0, 1.0), (2.0, 0.25, 0.6), (3.0, 0.16, 0.4), (5.4, 0.08, 0.15))


def _chimes(notes: Tune) -> EventRenderer:
    """Play a jingle on soft glassy bars."""

    def event(request: EffectRequest, rng: Rng) -> Signal:
        pace, key = scale(1.4, 0.7, request.speed), _shift(request, rng)
        parts = [
            (start * pace, bell(rng, _BARS, _hz(pitch) * key, length, 0.4, frames(length)))
            for start, pitch, length in notes
        ]
        return together(frames(max(start * pace + length for start, _, length in notes)), *parts)

    return event


def _error(request: EffectRequest, rng: Rng) -> Signal:
    """Two low buzzes, the second lower: no."""
    pace, base = scale(1.3, 0.75, request.speed), 165 * _shift(request, rng)
    parts = []
    for start, hz, length in ((0.0, base, 0.16), (0.2, base * 0.84, 0.32)):
        count = frames(length * pace)
        buzz = pulses(turns(np.full(count, hz)), 0.82) + pulses(turns(np.full(count, hz * 1.01)), 0.82)
        parts.append((start * pace, edges(soft(1.2 * buzz), 0.004, 0.03)))
    return together(frames(0.56 * pace), *parts)


def _pop(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.11)
    low = scale(560, 260, request.size) * rng.uniform(0.96, 1.04)
    return sine(glide(count, (0, low), (0.6, low * 2.6), (1, low * 3)), count) * curve(
        count, (0, 0), (0.08, 1), (0.5, 0.6), (1, 0)
    )


def _sparkle(request: EffectRequest, rng: Rng) -> Signal:
    """Magic: a shower of tiny bells that climbs."""
    parts: list[tuple[float, Signal]] = []
    for number in range(26):
        pitch = 84 + (0, 2, 4, 7, 9)[int(rng.integers(0, 5))] + 12 * (number / 26)
        parts.append(
            (
                number * 0.045 + float(rng.uniform(0, 0.03)),
                bell(rng, _BARS, _hz(pitch) * scale(1.4, 0.71, request.size), 0.7, 0.6, frames(0.7))
                * rng.uniform(0.2, 0.7),
            )
        )
    return together(frames(2.0), *parts)


_COIN: Tune = ((0.0, 83, 0.08), (0.08, 88, 0.55))
_OVER: Tune = (
    (0.0, 72, 0.2),
    (0.25, 67, 0.2),
    (0.5, 64, 0.2),
    (0.75, 60, 0.2),
    (1.0, 59, 0.2),
    (1.25, 57, 0.6),
)
_LEVEL: Tune = (
    (0.0, 67, 0.1),
    (0.11, 72, 0.1),
    (0.22, 76, 0.1),
    (0.33, 79, 0.22),
    (0.57, 76, 0.1),
    (0.68, 84, 0.6),
)
_GOOD: Tune = ((0.0, 72, 0.9), (0.1, 76, 0.9), (0.2, 79, 1.0), (0.3, 84, 1.4))
_NOTE: Tune = ((0.0, 81, 0.9), (0.13, 86, 1.2))
_SHORT = Pacing((1.3, 0.5), 0.1, width=0.05, level_spread=0.05)
_LONG = Pacing((2.6, 1.5), 0.1, width=0.05, level_spread=0.05)

EFFECTS = (
    event_effect("laser", "game", "A laser", _laser, 0.35, _SHORT),
    event_effect("power_up", "game", "A power-up", _power_up, 0.9, _LONG),
    event_effect("game_coin", "game", "A coin is collected", _tune(_COIN, fall_s=0.4), 0.65, _SHORT),
    event_effect("game_jump", "game", "A jump", _jump, 0.3, _SHORT),
    event_effect("game_over", "game", "Game over", _tune(_OVER), 1.9, _LONG),
    event_effect("level_up", "game", "The next level", _tune(_LEVEL, duty=0.25), 1.3, _LONG),
    event_effect("game_hurt", "game", "A hit", _hurt, 0.3, _SHORT),
    event_effect("retro_explosion", "game", "An explosion of an old game", _retro_boom, 1.0, _LONG),
    event_effect("teleport", "game", "A teleport", _teleport, 0.9, _LONG),
    event_effect("ui_click", "interface", "A click", _ui_click, 0.05, _SHORT),
    event_effect("ui_pop", "interface", "A pop", _pop, 0.11, _SHORT),
    event_effect("notification", "interface", "A notification", _chimes(_NOTE), 1.3, _LONG),
    event_effect("success", "interface", "Success", _chimes(_GOOD), 1.7, _LONG),
    event_effect("error", "interface", "An error", _error, 0.56, _LONG),
    event_effect("magic", "interface", "Magic sparkles", _sparkle, 1.8, _LONG, space="hall"),
)
