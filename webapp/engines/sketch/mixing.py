"""Mixes the scenes of a plan, section by section: each section is final when it is yielded."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from webapp.audio.waveform import Samples
from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.effects.render import SAMPLE_RATE, render_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.music.render import render_music
from webapp.engines.sketch.music.request import MusicRequest
from webapp.engines.sketch.timeline import Span, spans
from webapp.engines.sketch.understanding.plan import EffectLayer, Plan, Scene

SECTION_FRAMES: Final = SAMPLE_RATE // 2
# What is heard when a prompt names nothing that sketch knows; the plan says that it was not understood.
NEUTRAL: Final = EffectLayer("drone", intensity=0.3, density=0.2)
_BESIDE_MUSIC_DB = -7.0
_FAR_DB, _FAR_HZ = -22.0, 1400.0
_LEAST_DB = -50.0
_LEAST_ALONE_DB = -3.0
_ENDING_SHARE, _LONGEST_ENDING_S, _LONGEST_RING_S = 0.06, 0.8, 1.5
_SEED_STEP = 0x9E3779B97F4A7C15


class Stem:
    """The sections of one layer, read in pieces of any length. After its end there is silence."""

    def __init__(self, sections: Iterator[Samples]) -> None:
        self._sections = sections
        self._rest: Samples = np.zeros((2, 0), np.float32)

    def read(self, frames: int) -> Samples:
        """The next frames, shape (2, frames)."""
        parts = [self._rest]
        held = self._rest.shape[1]
        while held < frames:
            section = next(self._sections, None)
            if section is None:
                section = np.zeros((2, frames - held), np.float32)
            parts.append(section)
            held += section.shape[1]
        joined = np.concatenate(parts, axis=1)
        self._rest = joined[:, frames:]
        return joined[:, :frames]


class Far:
    """Takes treble away by degrees, as distance does. Keeps its state from section to section."""

    def __init__(self) -> None:
        self._sos = butter(2, _FAR_HZ, fs=SAMPLE_RATE, output="sos")
        self._state = np.zeros((self._sos.shape[0], 2, 2))

    def __call__(self, samples: Samples, nearness: Samples) -> Samples:
        """``nearness`` runs from 0, far, to 1, for each frame."""
        dull, self._state = sosfilt(self._sos, samples, zi=self._state)
        mixed: Samples = (nearness * samples + (1 - nearness) * dull).astype(np.float32)
        return mixed


@dataclass(slots=True)
class Voice:
    """One layer in its time, with what shapes it there."""

    stem: Stem
    start: int
    end: int
    gain: float
    fade: str
    rise: int
    fall: int
    far: Far | None = None

    def add_to(self, mix: Samples, start: int) -> None:
        """Add what of the layer falls into ``mix``, which begins at frame ``start`` of the whole sound."""
        first, last = max(self.start, start), min(self.end, start + mix.shape[1])
        if first >= last:
            return
        samples = self.stem.read(last - first)
        places = np.arange(first - self.start, last - self.start, dtype=np.float32)
        share: Samples = (places / max(1, self.end - self.start - 1)).astype(np.float32)
        if self.far is not None:
            samples = self.far(samples, share if self.fade == "approach" else 1 - share)
        mix[:, first - start : last - start] += samples * (
            self._seams(places) * _fading(self.fade, share) * self.gain
        )

    def _seams(self, places: Samples) -> Samples:
        seams = np.ones_like(places)
        if self.rise:
            seams = np.minimum(seams, places / self.rise)
        if self.fall:
            seams = np.minimum(seams, (self.end - self.start - places) / self.fall)
        smooth: Samples = np.sin(seams.clip(0, 1) * np.float32(math.pi / 2))
        return smooth


def render_plan(plan: Plan, frames: int, *, with_ending: bool) -> Iterator[Samples]:
    """Yield the sound of ``plan`` in sections of shape (2, n), ``frames`` frames in all."""
    voices = list(_voices(plan, frames, with_ending=with_ending))
    fading = _ending(plan, frames) if with_ending else None
    for start in range(0, frames, SECTION_FRAMES):
        mix = np.zeros((2, min(SECTION_FRAMES, frames - start)), np.float32)
        for voice in voices:
            voice.add_to(mix, start)
        if fading is not None:
            mix *= fading(start, mix.shape[1])
        yield mix


def section_count(frames: int) -> int:
    """Return how many sections :func:`render_plan` yields."""
    return -(-frames // SECTION_FRAMES)


def _voices(plan: Plan, frames: int, *, with_ending: bool) -> Iterator[Voice]:
    duration_s = frames / SAMPLE_RATE
    has_music = any(scene.music is not None for scene in plan.scenes)
    seeds = _seeds(plan.seed)
    if not has_music:
        plan = _audible(plan)
    for layer in (NEUTRAL,) if plan.is_empty else plan.background:
        yield _effect(layer, Span(0.0, duration_s), next(seeds), beside_music=has_music)
    timed = list(zip(plan.scenes, spans(plan.scenes, duration_s), strict=True))
    for index, (scene, span) in enumerate(timed):
        if scene.music is not None:
            is_last = index == len(timed) - 1
            yield _music(scene, scene.music, span, plan.seed, with_ending=with_ending and is_last)
        for layer in scene.effects:
            yield _effect(
                layer, span, next(seeds), beside_music=scene.music is not None, scene_fade=scene.fade
            )


def _audible(plan: Plan) -> Plan:
    """Raise a sound that nothing is compared with: levels tell sounds apart."""
    layers = [*plan.background, *(layer for scene in plan.scenes for layer in scene.effects)]
    if len(layers) != 1 or layers[0].level_db >= _LEAST_ALONE_DB:
        return plan
    raised = (replace(layers[0], level_db=_LEAST_ALONE_DB),)
    if plan.background:
        return replace(plan, background=raised)
    scenes = tuple(replace(scene, effects=raised) if scene.effects else scene for scene in plan.scenes)
    return replace(plan, scenes=scenes)


def _music(scene: Scene, request: MusicRequest, span: Span, seed: int, *, with_ending: bool) -> Voice:
    sections = render_music(request, span.duration_s, seed, with_ending=with_ending)
    return _voice(sections, span, 1.0, scene.fade)


def _effect(layer: EffectLayer, span: Span, seed: int, *, beside_music: bool, scene_fade: str = "") -> Voice:
    material = layer.material if layer.material in EFFECTS[layer.sound].materials else ""
    request = EffectRequest(
        sound=layer.sound, duration_s=span.duration_s, count=layer.count, intensity=layer.intensity,
        size=layer.size, speed=layer.speed, density=layer.density, distance=layer.distance,
        material=material, space=layer.space,
    )  # fmt: skip
    level_db = layer.level_db + (_BESIDE_MUSIC_DB if beside_music else 0.0)
    return _voice(render_effect(request, seed), span, 10 ** (level_db / 20), layer.fade or scene_fade)


def _voice(sections: Iterable[Samples], span: Span, gain: float, fade: str) -> Voice:
    start = round(span.start_s * SAMPLE_RATE)
    return Voice(
        Stem(iter(sections)),
        start,
        start + round(span.duration_s * SAMPLE_RATE),
        gain,
        fade,
        round(span.rise_s * SAMPLE_RATE),
        round(span.fall_s * SAMPLE_RATE),
        Far() if fade in {"approach", "recede"} else None,
    )


def _fading(fade: str, share: Samples) -> Samples | np.float32:
    """The gain of a fade, where ``share`` of the scene is over."""
    level_db: Samples
    match fade:
        case "in":
            level_db = _LEAST_DB * (1 - share) ** 2
        case "out":
            level_db = _LEAST_DB * share**2
        case "approach":
            level_db = _FAR_DB * (1 - share)
        case "recede":
            level_db = _FAR_DB * share
        case _:
            return np.float32(1.0)
    gain: Samples = (10 ** (level_db / 20)).astype(np.float32)
    return gain


def _ending(plan: Plan, frames: int) -> Callable[[int, int], Samples] | None:
    """A short fade at the end, where something goes on that has no end of its own, or a last chord rings."""
    last = plan.scenes[-1].effects if plan.scenes else ()
    going_on = [layer for layer in (*plan.background, *last) if EFFECTS[layer.sound].kind == "continuous"]
    rings = bool(plan.scenes) and plan.scenes[-1].music is not None
    if not going_on and not rings and not plan.is_empty:
        return None
    longest_s = _LONGEST_RING_S if rings else _LONGEST_ENDING_S
    length = round(min(longest_s, frames / SAMPLE_RATE * _ENDING_SHARE) * SAMPLE_RATE)

    def gain(start: int, count: int) -> Samples:
        left = (frames - np.arange(start, start + count, dtype=np.float32)) / np.float32(max(1, length))
        faded: Samples = np.sin(left.clip(0, 1) * np.float32(math.pi / 2)) ** 2
        return faded

    return gain


def _seeds(seed: int) -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield (seed + number * _SEED_STEP) % 2**64
