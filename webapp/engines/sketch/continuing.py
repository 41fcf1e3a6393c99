"""Continues a sketch with its own plan, or with another prompt in the same key and at the same tempo."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np

from webapp.audio.fitting import fitted
from webapp.audio.loudness import integrated_loudness
from webapp.audio.waveform import Samples, Waveform, frame_count
from webapp.engines.base import GenerationRequest, RequestNotSupported
from webapp.engines.continuation import Continuation, MadeWaveform
from webapp.engines.sketch.effects.render import SAMPLE_RATE
from webapp.engines.sketch.mixing import render_plan
from webapp.engines.sketch.music.piece import Piece, compose
from webapp.engines.sketch.music.request import MusicRequest
from webapp.engines.sketch.understanding.plan import Plan
from webapp.engines.sketch.understanding.reading import read_prompt

ENGINE: Final = "sketch"
# What sounds before the new part begins: over its end it takes the place of the original.
LEAD_S: Final = 0.1
_CHANNELS: Final = 2


class PlanRoot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The source of a plan: kept with a continuation, so that the next one goes on with it.

    The plan begins at second ``starts_s``. Tempo, metre and key are taken over from the plan before, where
    the prompt names none.
    """

    prompt: str
    model: str
    seed: int
    starts_s: float = 0.0
    tempo_bpm: float | None = None
    beats_per_bar: int | None = None
    tonic: int | None = None
    mode: str | None = None

    def plan(self) -> Plan:
        """Read the plan; the same root gives the same one."""
        plan = read_prompt(self.prompt, self.model, self.seed)
        return _with_music(plan, self._taken_over)

    def _taken_over(self, music: MusicRequest) -> MusicRequest:
        own_tempo = music.tempo_bpm is not None or music.tempo_range is not None
        own_key = music.tonic is not None
        return replace(
            music,
            tempo_bpm=music.tempo_bpm if own_tempo else self.tempo_bpm,
            beats_per_bar=music.beats_per_bar or self.beats_per_bar,
            tonic=music.tonic if own_key else self.tonic,
            mode=music.mode if music.mode or own_key else self.mode,
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """The part that is played from second ``root.starts_s`` on; ``goes_on`` if it is the plan of before."""

    root: PlanRoot
    plan: Plan
    goes_on: bool


def render_continued(
    request: GenerationRequest, continuation: Continuation, rendered: Callable[[int, int], object]
) -> MadeWaveform:
    """Return the whole of a continued sound: the original's samples, and the rest at its level.

    ``rendered`` is called after each section with the frames that are done and all frames; it may raise to
    stop. Raises RequestNotSupported for a beginning as long as the sound.
    """
    head = fitted(continuation.head, sample_rate=SAMPLE_RATE, channels=_CHANNELS).samples
    frames, cut = frame_count(request.duration_s, SAMPLE_RATE), head.shape[1]
    if cut >= frames:
        raise RequestNotSupported("the beginning is as long as the whole sound")
    part = _part(request, continuation)
    start = frame_count(part.root.starts_s, SAMPLE_RATE)
    played = _played(part.plan, frames - start, rendered)
    before, after = played[:, : cut - start], played[:, cut - start :]
    gain_db = _difference_db(head, before if part.goes_on else after)
    lead = min(frame_count(LEAD_S, SAMPLE_RATE), cut - start)
    loud = played[:, cut - start - lead :] * np.float32(10 ** (gain_db / 20))
    samples = np.concatenate((head[:, : cut - lead], loud), axis=1)
    return MadeWaveform(samples, SAMPLE_RATE, msgspec.json.encode(part.root))


def _part(request: GenerationRequest, continuation: Continuation) -> _Part:
    """Decide what is played: the plan of before, with other notes, or the plan of another prompt."""
    head_s = continuation.head.duration_s
    before = _root_of(continuation)
    if before is None:
        root = PlanRoot(request.prompt, request.model, request.seed, max(0.0, head_s - LEAD_S))
        return _Part(root, root.plan(), goes_on=False)
    plan = before.plan()
    if (before.prompt, before.model) == (request.prompt, request.model):
        chosen = _with_music(plan, lambda music: replace(music, choices_seed=plan.seed))
        other = read_prompt(before.prompt, before.model, request.seed)
        return _Part(before, replace(chosen, seed=other.seed), goes_on=True)
    piece = _piece_of(plan)
    root = PlanRoot(request.prompt, request.model, request.seed, max(0.0, head_s - LEAD_S))
    if piece is not None:
        root = _after(piece, root, before.starts_s)
    return _Part(root, root.plan(), goes_on=False)


def _after(piece: Piece, root: PlanRoot, began_s: float) -> PlanRoot:
    """Return the root with tempo, metre and key of a piece, beginning at the last of its bars."""
    bars = math.floor(max(0.0, root.starts_s - began_s) / piece.bar_s)
    return msgspec.structs.replace(
        root,
        starts_s=began_s + bars * piece.bar_s,
        tempo_bpm=piece.tempo_bpm,
        beats_per_bar=piece.beats_per_bar,
        tonic=piece.tonic,
        mode=piece.mode,
    )


def _root_of(continuation: Continuation) -> PlanRoot | None:
    """Return what a sound's plan was read from; None for a sound that sketch did not make."""
    if continuation.engine != ENGINE:
        return None
    if continuation.material:
        return msgspec.json.decode(continuation.material, type=PlanRoot)
    return PlanRoot(continuation.prompt, continuation.model, continuation.seed)


def _piece_of(plan: Plan) -> Piece | None:
    music = next((scene.music for scene in plan.scenes if scene.music is not None), None)
    return None if music is None else compose(music, plan.seed)


def _with_music(plan: Plan, change: Callable[[MusicRequest], MusicRequest]) -> Plan:
    scenes = tuple(
        scene if scene.music is None else replace(scene, music=change(scene.music)) for scene in plan.scenes
    )
    return replace(plan, scenes=scenes)


def _played(plan: Plan, frames: int, rendered: Callable[[int, int], object]) -> Samples:
    sections: list[Samples] = []
    done = 0
    for section in render_plan(plan, frames, with_ending=True):
        sections.append(section)
        done += section.shape[1]
        rendered(done, frames)
    return np.concatenate(sections, axis=1)


def _difference_db(head: Samples, played: Samples) -> float:
    """Return how much louder the original is than what was played; 0 where one of them is silent."""
    if not played.shape[1]:
        return 0.0
    difference = integrated_loudness(Waveform(head, SAMPLE_RATE)) - integrated_loudness(
        Waveform(np.ascontiguousarray(played), SAMPLE_RATE)
    )
    return difference if math.isfinite(difference) else 0.0
