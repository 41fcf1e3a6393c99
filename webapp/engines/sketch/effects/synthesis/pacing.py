"""Events in time: when they happen, where they stand in the stereo field, and the stream that plays them."""

import math
from dataclasses import dataclass

import numpy as np

from webapp.engines.sketch.effects.effect import Effect, EventRenderer, Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    edges,
    frames,
    scale,
    to_peak,
)
from webapp.engines.sketch.effects.synthesis.streams import Grains

_PEAK = 0.7
_MOST_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Pacing:
    """The pace of events of one kind when the request leaves it open."""

    period_s: tuple[float, float]  # from start to start, at the slowest and the fastest
    jitter: float = 0.1  # share of the period by which starts stray
    group: tuple[int, int] = (1, 1)  # how many in a row,
    pause_s: tuple[float, float] = (0.0, 0.0)  # and the silence between rows, slowest and fastest
    natural: int = 0  # how many when none are asked for; 0: as many as the time takes
    lead_s: float = 0.08
    width: float = 0.15  # how far events stray to the sides
    level_spread: float = 0.12  # how much levels differ


def onsets(pacing: Pacing, request: EffectRequest, event_s: float, rng: Rng) -> list[float]:
    """Choose the starts in seconds; exactly ``count`` of them if the request says how many."""
    period = scale(*pacing.period_s, request.speed)
    pause = scale(pacing.pause_s[0] + 1e-3, pacing.pause_s[1] + 1e-3, request.speed)
    last = max(0.0, request.duration_s - event_s)
    lead = min(pacing.lead_s, last)
    wanted = request.count if request.count is not None else pacing.natural
    if wanted:
        usual = period + (pause if pacing.group == (1, 1) else 0)
        gap = min(usual, (last - lead) / (wanted - 1)) if wanted > 1 else 0.0
        strays = rng.uniform(-0.5, 0.5, wanted) * pacing.jitter * gap
        strays[0] = max(0.0, strays[0])
        return [min(last, lead + number * gap + stray) for number, stray in enumerate(strays)]
    starts: list[float] = []
    at = lead
    while (at <= last or not starts) and len(starts) < _MOST_EVENTS:
        for _ in range(int(rng.integers(pacing.group[0], pacing.group[1] + 1))):
            if at <= last or not starts:
                starts.append(min(at, last))
            at += period * (1 + pacing.jitter * rng.uniform(-0.5, 0.5))
        at += pause * rng.uniform(0.7, 1.4)
    return starts


class _EventStream:
    def __init__(
        self, event: EventRenderer, pacing: Pacing, event_s: float, request: EffectRequest, rng: Rng
    ) -> None:
        self._event, self._pacing, self._request, self._rng = event, pacing, request, rng
        self._starts = onsets(pacing, request, event_s, rng)
        self._centre = float(rng.uniform(-0.12, 0.12))
        self._next, self._at = 0, 0
        self._grains = Grains()
        self._seeds = rng.integers(0, 2**31, len(self._starts))

    def __call__(self, count: int) -> Signal:
        until = (self._at + count) / SAMPLE_RATE
        while self._next < len(self._starts) and self._starts[self._next] < until:
            rng = np.random.default_rng(int(self._seeds[self._next]))
            start = max(0, math.floor(self._starts[self._next] * SAMPLE_RATE) - self._at)
            level = _PEAK * (1 - self._pacing.level_spread * rng.uniform())
            sound = edges(to_peak(self._event(self._request, rng), level), 0.0007, 0.01)
            room = frames(self._request.duration_s) - self._at - start
            if room < sound.shape[-1]:
                sound = edges(sound[..., : max(room, 1)], 0.0, 0.05)
            self._grains.add(start, self._placed(sound, rng), 0.0)
            self._next += 1
        self._at += count
        return self._grains.take(count)

    def _placed(self, sound: Signal, rng: Rng) -> Signal:
        """Stand a mono sound somewhere, with the first reflections that give it width."""
        if sound.ndim == 2:
            return sound
        pan = float(np.clip(self._centre + rng.uniform(-1, 1) * self._pacing.width, -1, 1))
        late = [frames(wait) for wait in (0.0071, 0.0113, 0.0173, 0.0229)]
        wide = np.zeros((2, sound.size + late[-1]))
        angle = (pan + 1) * np.pi / 4
        wide[0, : sound.size] = sound * np.cos(angle) * np.sqrt(2)
        wide[1, : sound.size] = sound * np.sin(angle) * np.sqrt(2)
        for number, wait in enumerate(late):
            wide[number % 2, wait : wait + sound.size] += sound * (0.16, 0.15, 0.1, 0.1)[number]
        return wide


def events(event: EventRenderer, pacing: Pacing, event_s: float) -> StreamRenderer:
    """Turn a renderer of single events into a stream of them."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        return _EventStream(event, pacing, event_s, request, rng)

    return render


class _FlowStream:
    """Plays events that are streams themselves, so that a long one is begun at once."""

    def __init__(
        self, event: StreamRenderer, starts: list[float], event_s: float, request: EffectRequest, rng: Rng
    ) -> None:
        self._event, self._request, self._rng = event, request, rng
        self._starts, self._length, self._at = starts, frames(event_s), 0
        self._running: list[tuple[Stream, int]] = []  # and the frames that are left of each

    def __call__(self, count: int) -> Signal:
        total = np.zeros((2, count))
        going = self._running
        self._running = []
        for stream, left in going:
            total += self._next(stream, count, left)
        while self._starts and self._starts[0] * SAMPLE_RATE < self._at + count:
            offset = max(0, round(self._starts.pop(0) * SAMPLE_RATE) - self._at)
            fresh = np.random.default_rng(int(self._rng.integers(0, 2**31)))
            total[:, offset:] += self._next(self._event(self._request, fresh), count - offset, self._length)
        self._at += count
        return total

    def _next(self, stream: Stream, count: int, left: int) -> Signal:
        block = stream(count)
        if left > count:
            self._running.append((stream, left - count))
        else:
            block = block * (np.arange(count) < left)
        return block


def flow_effect(
    key: str,
    family: str,
    title: str,
    event: StreamRenderer,
    event_s: float,
    pacing: Pacing,
    *,
    space: str = "",
) -> Effect:
    """Describe an effect made of long events, each of them a stream that begins and ends in silence."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        shorter = min(event_s, max(2.5, request.duration_s))
        starts = onsets(pacing, request, shorter, rng)
        return _FlowStream(event, starts, shorter, request, rng)

    return Effect(key, family, title, "events", render, event_s, (), space)


def event_effect(
    key: str,
    family: str,
    title: str,
    event: EventRenderer,
    event_s: float,
    pacing: Pacing,
    *,
    materials: tuple[str, ...] = (),
    space: str = "",
) -> Effect:
    """Describe an effect made of events."""
    return Effect(key, family, title, "events", events(event, pacing, event_s), event_s, materials, space)


def endless_effect(
    key: str,
    family: str,
    title: str,
    stream: StreamRenderer,
    *,
    materials: tuple[str, ...] = (),
    space: str = "",
) -> Effect:
    """Describe a continuous effect."""
    return Effect(key, family, title, "continuous", stream, 0.0, materials, space)
