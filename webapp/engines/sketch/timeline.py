"""When each scene of a plan begins and ends."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.engines.sketch.effects.catalogue import EFFECTS
from webapp.engines.sketch.understanding.plan import EffectLayer, Scene

CROSSFADE_S = 0.4
_MIN_EVENT_S, _EVENT_REST_S = 1.2, 0.6
_SILENCE_S = 1.5
_ROOMY_S = 6.0


@dataclass(frozen=True, slots=True)
class Span:
    """A scene's time: where it begins, how long it sounds, and how long its seams rise and fall."""

    start_s: float
    duration_s: float
    rise_s: float = 0.0
    fall_s: float = 0.0


def spans(scenes: Sequence[Scene], duration_s: float) -> list[Span]:
    """Give each scene its time. Events get what they need, and what goes on shares the rest."""
    roomy_s = min(_ROOMY_S, duration_s / (2 * len(scenes))) if scenes else 0.0
    needs = [_needed_s(scene, roomy_s) for scene in scenes]
    known_s = sum(need for need in needs if need is not None)
    open_ones = needs.count(None)
    least_s = open_ones * duration_s / (2 * len(scenes)) if scenes else 0.0
    if known_s and (not open_ones or known_s > duration_s - least_s):
        share = (duration_s - least_s) / known_s
        needs = [None if need is None else need * share for need in needs]
        known_s = duration_s - least_s
    lengths_s = [(duration_s - known_s) / open_ones if need is None else need for need in needs]
    found: list[Span] = []
    start_s = 0.0
    for index, length_s in enumerate(lengths_s):
        seam_s = min(CROSSFADE_S, length_s / 4)
        is_first, is_last = index == 0, index == len(lengths_s) - 1
        begin_s = start_s if is_first else start_s - seam_s / 2
        end_s = duration_s if is_last else start_s + length_s + seam_s / 2
        found.append(Span(begin_s, end_s - begin_s, 0.0 if is_first else seam_s, 0.0 if is_last else seam_s))
        start_s += length_s
    return found


def _needed_s(scene: Scene, roomy_s: float) -> float | None:
    """Return a scene's length; None when it may take any. Uncounted events are given room to happen."""
    if scene.is_silent:
        return _SILENCE_S
    if scene.music is not None or any(EFFECTS[layer.sound].kind == "continuous" for layer in scene.effects):
        return None
    needed_s = max(map(_events_s, scene.effects))
    is_counted = any(layer.count is not None for layer in scene.effects)
    return needed_s if is_counted else max(needed_s, roomy_s)


def _events_s(layer: EffectLayer) -> float:
    each_s = max(_MIN_EVENT_S, EFFECTS[layer.sound].event_s) + _EVENT_REST_S
    return each_s * (layer.count or 1)
