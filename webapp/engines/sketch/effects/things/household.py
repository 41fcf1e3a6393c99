"""Work and play in and around the house: brooms, brushes, knives, balls, steam."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    burst,
    curve,
    edges,
    frames,
    layers,
    lowpass,
    noise,
    scale,
    swell,
    to_peak,
    together,
    wander,
)
from webapp.engines.sketch.effects.synthesis.modal import ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance
from webapp.engines.sketch.effects.synthesis.streams import (
    Filter,
    Grains,
    Phase,
    Wander,
    poisson_starts,
    pool_of,
    rows,
)
from webapp.engines.sketch.effects.things.devices import click


def _stroke(rng: Rng, length_s: float, low_hz: float, high_hz: float, grain_hz: float) -> Signal:
    """Draw bristles over a surface: many small scratches that swell and die."""
    count = frames(length_s)
    grit = np.clip(1 + 0.5 * wander(rng, count, grain_hz), 0, 3)
    return to_peak(bandpass(noise(rng, count), low_hz, high_hz) * grit * swell(count, 0.8))


def _sweep(request: EffectRequest, rng: Rng) -> Signal:
    """A broom: one long stroke, then a short one as it is brought back."""
    length_s = scale(0.7, 0.3, request.speed) * rng.uniform(0.9, 1.1)
    long = _stroke(rng, length_s, 1000, 6500, 220)
    back = 0.25 * _stroke(rng, 0.4 * length_s, 800, 4000, 220)
    return together(frames(1.6 * length_s), (0.0, long), (1.1 * length_s, back))


def _toothbrush(request: EffectRequest, rng: Rng) -> Signal:
    """Brush to and fro: the way out sounds higher than the way back."""
    half_s = scale(0.2, 0.09, request.speed)
    out, back = _stroke(rng, half_s, 2300, 8500, 500), _stroke(rng, half_s, 1600, 6500, 500)
    mouth = 0.3 * _stroke(rng, 2 * half_s, 500, 1100, 300)
    return layers(np.concatenate((out, 0.7 * back)), mouth)


def _chop(request: EffectRequest, rng: Rng) -> Signal:
    """A knife goes through something crisp, and meets the board."""
    crisp = bandpass(burst(rng, 0.06, 0.05, 0.008), 900 * scale(1.4, 0.7, request.size), 5500)
    board = strike(rng, "wood", size=request.size, hardness=0.6, duration_s=0.15)
    return together(
        frames(0.25),
        (0.0, 0.35 * to_peak(crisp)),
        (0.035, to_peak(board)),
        (0.036, 0.3 * click(rng, 1500, 6000, 0.012)),
    )


def _ball(request: EffectRequest, rng: Rng) -> Signal:
    """A ball hits the floor: the dull blow of the skin, and the air inside that rings with the shell."""
    hollow = scale(520, 90, request.size) * rng.uniform(0.97, 1.03)
    air = ring(hollow * np.array([1.0, 2.1, 3.3, 5.2]), np.array([0.16, 0.1, 0.07, 0.05]),
               np.array([1.0, 0.6, 0.4, 0.25]), frames(0.3))  # fmt: skip
    skin = lowpass(burst(rng, 0.3, 0.06, 0.003), 900)
    slap = bandpass(burst(rng, 0.3, 0.02, 0.001), 900, 3500)
    return to_peak(air) + 0.8 * to_peak(skin) + 0.2 * to_peak(slap)


def _ping_pong(request: EffectRequest, rng: Rng) -> Signal:
    """Bat and table in turn: the small shell is high, and what it hits has a colour of its own."""

    def tap(body_hz: float, shell: float) -> Signal:
        modes = np.array([body_hz, 1.7 * body_hz, 2.9 * body_hz, 6500.0, 7900.0]) * rng.uniform(0.97, 1.03, 5)
        return to_peak(
            ring(
                modes,
                np.array([0.05, 0.035, 0.02, 0.012, 0.01]),
                np.array([1, 0.7, 0.5, shell, shell]),
                frames(0.1),
            )
        )

    gap_s = scale(0.34, 0.2, request.speed)
    return together(frames(gap_s + 0.15), (0.0, tap(1250, 0.6)), (gap_s, 0.75 * tap(780, 0.4)))


def _wiper(request: EffectRequest, rng: Rng) -> Signal:
    """Rubber over wet glass and back, with a knock of the arm where it turns."""
    half_s = scale(0.9, 0.4, request.speed)
    count = frames(half_s)
    rubs = [bandpass(noise(rng, count), low, 5 * low) * swell(count, 0.7) for low in (260.0, 340.0)]
    squeak = to_peak(np.sin(np.cumsum(2 * np.pi * 620 * (1 + 0.05 * wander(rng, count, 12))) / SAMPLE_RATE))
    squeak = squeak * np.clip(wander(rng, count, 6), 0, 1) * swell(count)
    knock = to_peak(lowpass(burst(rng, 0.1, 0.05, 0.003), 300))
    return together(
        frames(2 * half_s + 0.2), (0.0, to_peak(rubs[0])), (half_s, to_peak(rubs[1]) + 0.12 * squeak),
        (half_s - 0.03, 0.7 * knock), (2 * half_s - 0.03, 0.7 * knock),
    )  # fmt: skip


def _kernel(rng: Rng) -> Signal:
    """One kernel pops: the puff of its steam, and the lid of the pot that it hits."""
    puff = bandpass(burst(rng, 0.05, 0.03, 0.0006), rng.uniform(350, 900), rng.uniform(2500, 5000))
    pot = strike(rng, "latch", size=0.8, hardness=0.5, duration_s=0.08)
    return layers(to_peak(puff), rng.uniform(0.1, 0.4) * to_peak(pot))


def _popcorn(request: EffectRequest, rng: Rng) -> Stream:
    pool, grains, rush = pool_of([_kernel(rng) for _ in range(24)]), Grains(), Wander(rng, 0.8)
    fat = Filter("bandpass", 2500, 8000, order=1)

    def stream(count: int) -> Signal:
        busy = float(np.clip(1 + 0.6 * rush(count)[0], 0.2, 2.2))
        starts = poisson_starts(rng, count, scale(2, 40, request.density) * busy)
        levels = np.exp(rng.normal(-0.7, 0.5, starts.size))
        grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-0.3, 0.3, starts.size))
        return grains.take(count) + 0.012 * fat(rng.standard_normal((2, count)))

    return stream


def _sprinkler(request: EffectRequest, rng: Rng) -> Stream:
    """A jet that an arm cuts some five times a second, over the drops that fall around."""
    beat, at = Phase(), 0
    rate = scale(3.0, 8.0, request.speed)
    rain = NoiseStream(rng, lambda moment, hz: np.asarray(band(hz, 900, 8000, 0.7) + 0 * moment), width=0.9)
    jet = Filter("bandpass", 1500, 9000, order=1)
    arm = [to_peak(strike(rng, "plastic", size=0.3, hardness=0.7, duration_s=0.05)) for _ in range(4)]
    grains, due = Grains(), 0.0

    def stream(count: int) -> Signal:
        nonlocal at, due
        turn = (beat(np.full(count, rate)) / (2 * np.pi)) % 1.0
        while due < (at + count) / SAMPLE_RATE:
            grains.add(max(0, round(due * SAMPLE_RATE) - at), arm[int(rng.integers(0, 4))], 0.1)
            due += 1 / rate
        at += count
        spray = jet(rng.standard_normal((2, count))) * (1 - np.exp(-turn * 9)) * np.exp(-turn * 1.4)
        return np.asarray(0.5 * spray + 0.12 * rain(count) + 0.3 * grains.take(count))

    return stream


def _skateboard(request: EffectRequest, rng: Rng) -> Stream:
    """Hard wheels roll over rough ground, and click over its joints: first the front, then the back."""
    rough, slow = Wander(rng, 45.0), Wander(rng, 0.5)
    joint = [to_peak(strike(rng, "wood", size=0.3, hardness=0.9, duration_s=0.12)) for _ in range(4)]
    grains, at, due = Grains(), 0, 0.4

    def gains(moment: Signal, hz: Signal) -> Signal:
        body = band(hz, 180, 1500, 0.9) + 0.5 * resonance(hz, 950, 500) + 0.15 * band(hz, 2000, 6000, 1.0)
        return np.asarray(body * np.clip(1 + 0.35 * rough.at(moment) + 0.2 * slow.at(moment), 0.2, 2))

    wheels = NoiseStream(rng, gains, width=0.4, size=1024)
    gap_s = scale(1.1, 0.4, request.speed)

    def stream(count: int) -> Signal:
        nonlocal at, due
        while due < (at + count) / SAMPLE_RATE:
            for lag_s, level in ((0.0, 0.7), (0.12 * gap_s, 0.6)):
                start = max(0, round((due + lag_s) * SAMPLE_RATE) - at)
                grains.add(start, level * joint[int(rng.integers(0, 4))], 0.0)
            due += gap_s * float(rng.uniform(0.95, 1.05))
        at += count
        return wheels(count) + grains.take(count)

    return stream


def _steam() -> StreamRenderer:
    def render(request: EffectRequest, rng: Rng) -> Stream:
        """Steam leaves a narrow valve: a steady hiss with the tone of the pipe, and water that spits."""
        flow, spit = Wander(rng, 1.2), Wander(rng, 14.0)
        pipe = scale(5200, 2600, request.size)

        def gains(moment: Signal, hz: Signal) -> Signal:
            gush = np.clip(1 + 0.15 * flow.at(moment) + 0.2 * spit.at(moment), 0.2, 2)
            return np.asarray(gush * (band(hz, 1800, 11000, 1.0) + 0.8 * resonance(hz, pipe, 1200)))

        return NoiseStream(rng, gains, width=0.5)

    return render


def _page_of_bristles(request: EffectRequest, rng: Rng) -> Signal:
    """Write with a pencil: short strokes of different lengths, and lifts between them."""
    length_s = float(rng.uniform(0.06, 0.2)) * scale(1.4, 0.7, request.speed)
    line = _stroke(rng, length_s, 1800, 7500, 350)
    touch = 0.5 * click(rng, 900, 3500, 0.015)
    return edges(together(frames(length_s + 0.03), (0.0, touch), (0.004, line)), 0.0, 0.01) * curve(
        frames(length_s + 0.03), (0, 1), (1, 0.8)
    )


# fmt: off
EFFECTS = (
    event_effect("broom", "household", "A broom sweeps", _sweep, 0.8, Pacing((1.4, 0.6), 0.15), space="room"),
    event_effect(
        "toothbrush", "household", "Teeth are brushed", _toothbrush, 0.3, Pacing((0.42, 0.19), 0.05),
        space="bathroom",
    ),
    event_effect(
        "chopping", "household", "A knife chops", _chop, 0.25, Pacing((0.5, 0.18), 0.15, (4, 9), (0.9, 0.3)),
        space="room",
    ),
    event_effect(
        "ball_bounce", "household", "A ball bounces", _ball, 0.3, Pacing((0.9, 0.4), 0.06), space="hall"
    ),
    event_effect(
        "ping_pong", "household", "Table tennis", _ping_pong, 0.5, Pacing((1.0, 0.6), 0.1), space="room"
    ),
    event_effect("wipers", "household", "Wipers on a windscreen", _wiper, 1.3, Pacing((2.2, 1.0), 0.0)),
    event_effect(
        "writing", "household", "A pencil writes", _page_of_bristles, 0.2,
        Pacing((0.3, 0.14), 0.4, (4, 12), (0.8, 0.2)),
    ),
    endless_effect("popcorn", "household", "Popcorn pops", _popcorn),
    endless_effect("sprinkler", "household", "A sprinkler turns", _sprinkler),
    endless_effect("skateboard", "household", "A skateboard rolls", _skateboard),
    endless_effect("steam", "household", "Steam hisses", _steam()),
)
# fmt: on
